import { type InitializeParams, newSessionId, sessionRef } from '../../../domain/session.ts';
import type { Sessions } from '../../../domain/sessions.ts';
import type { McpCaller, McpReply } from '../../../ports/mcp-endpoint.ts';
import type { JsonRpcRequest } from '../jsonrpc.ts';
import { refused } from '../refusal.ts';
import type { SessionHosts } from './session-hosts.ts';

/** Opens sessions: a server answers `initialize`, and the answer is given once the session is stored. */
export class SessionOpener {
  readonly #sessions: Sessions;
  readonly #hosts: SessionHosts;

  constructor(sessions: Sessions, hosts: SessionHosts) {
    this.#sessions = sessions;
    this.#hosts = hosts;
  }

  /** @throws InvalidArgument, QuotaExceeded, StoreUnavailable; then there is no session */
  async open(request: JsonRpcRequest, caller: McpCaller): Promise<McpReply> {
    if (caller.sessionId !== undefined) {
      return refused(
        'invalid_message',
        'initialize opens a new session: send it without an Mcp-Session-Id header',
        request.id,
      );
    }
    const id = newSessionId();
    const now = this.#sessions.now();
    const endsAt = now + this.#sessions.lifetime.maxLifetimeMs;
    const { principal } = caller;
    const host = this.#hosts.create({
      session: { ref: sessionRef(id), expiresAt: now, endsAt },
      id,
      principal,
    });
    const server = await host.start();
    try {
      const response = await server.request(request, now);
      if ('error' in response) {
        await server.close();
        return { kind: 'answered', body: response };
      }
      const { session } = await this.#sessions.open(
        {
          principal,
          initialize: request.params as unknown as InitializeParams,
          protocolVersion: String(response.result['protocolVersion']),
        },
        id,
      );
      host.adopt(session, server);
      this.#hosts.keep(host);
      return { kind: 'answered', body: response, sessionId: id };
    } catch (error) {
      await server.close();
      throw error;
    }
  }
}

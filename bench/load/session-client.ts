import { resultIn, WrongAnswer } from './answer.ts';
import { Connection } from './connection.ts';
import { CLIENT_INFO, structuredContentOf, type ToolClient } from './tool-client.ts';

export const PROTOCOL_VERSION = '2025-11-25';
const HEADERS = ['Content-Type', 'application/json', 'Accept', 'application/json, text/event-stream'];

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: PROTOCOL_VERSION, capabilities: {}, clientInfo: CLIENT_INFO },
});
const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}';

/** A client of the revisions with sessions. */
export class SessionClient implements ToolClient {
  /** As the server named it. */
  readonly sessionId: string;
  readonly #connection: Connection;
  readonly #headers: readonly string[];
  #lastId = 0;

  private constructor(connection: Connection, sessionId: string) {
    this.#connection = connection;
    this.sessionId = sessionId;
    this.#headers = [...HEADERS, 'Mcp-Session-Id', sessionId, 'MCP-Protocol-Version', PROTOCOL_VERSION];
  }

  /** Opens a session, with all that a client must send and check before its first call. */
  static async open(origin: string): Promise<SessionClient> {
    return SessionClient.openOn(new Connection(origin));
  }

  /** As {@link open}, over a connection that exists. */
  static async openOn(connection: Connection): Promise<SessionClient> {
    const reply = await connection.send('POST', HEADERS, INITIALIZE);
    const { protocolVersion } = resultIn(reply, 0) as { readonly protocolVersion?: unknown };
    const sessionId = reply.headers['mcp-session-id'];
    if (protocolVersion !== PROTOCOL_VERSION || typeof sessionId !== 'string') {
      throw new WrongAnswer(`a session of ${PROTOCOL_VERSION}`, reply.text);
    }
    const client = new SessionClient(connection, sessionId);
    const { status, text } = await connection.send('POST', client.#headers, INITIALIZED);
    if (status !== 202) throw new WrongAnswer('status 202', `${status} ${text}`);
    return client;
  }

  async call(tool: string, args: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
    this.#lastId += 1;
    const id = this.#lastId;
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name: tool, arguments: args },
    });
    return structuredContentOf(resultIn(await this.#connection.send('POST', this.#headers, body), id));
  }

  /** Ends the session; the connection stays. */
  async terminate(): Promise<void> {
    const { status, text } = await this.#connection.send('DELETE', this.#headers);
    if (status !== 200) throw new WrongAnswer('status 200 for a DELETE', `${status} ${text}`);
  }

  async close(): Promise<void> {
    await this.terminate();
    await this.#connection.close();
  }
}

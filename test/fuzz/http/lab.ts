import { randomBytes } from 'node:crypto';
import pino from 'pino';
import { expect } from 'vitest';
import type { ServerFactory } from '../../../src/adapters/mcp/server-factory.ts';
import { readServerConfig } from '../../../src/app/config.ts';
import { type HttpServer, listen } from '../../../src/app/http-server.ts';
import { createService, type Service } from '../../../src/app/service.ts';
import { systemClock } from '../../../src/app/system-clock.ts';
import type { Store } from '../../../src/ports/store.ts';
import { TEST_ONLY_KEY } from '../../conformance/fixture/request-state.ts';
import { fixtureServer } from '../../conformance/fixture-server.ts';
import { RawClient } from '../../support/raw-client.ts';
import { initializeMessage, post } from '../../support/service.ts';
import { assertFair, type Sent } from './fair.ts';
import { type Exchange, type ExchangeOptions, encodeRequest, exchange, type WireRequest } from './wire.ts';

type SendOptions = ExchangeOptions & Omit<Sent, 'secrets'>;

/** A service on a socket, with a session whose data nothing that is sent there may touch or show. */
export class FuzzLab {
  readonly origin: string;
  readonly #server: HttpServer;
  readonly #service: Service;
  readonly #errors: string[];
  readonly #control: RawClient;
  readonly #shared = new Map<string, Promise<string>>();
  readonly #secret = `secret-${randomBytes(8).toString('hex')}`;

  private constructor(server: HttpServer, service: Service, errors: string[], control: RawClient) {
    this.origin = server.origin;
    this.#server = server;
    this.#service = service;
    this.#errors = errors;
    this.#control = control;
  }

  /** @param kind the service's own server, or one that offers all there is: prompts, resources, logging */
  static async open(store: Store, kind: 'state' | 'everything'): Promise<FuzzLab> {
    const errors: string[] = [];
    const logger = pino({ level: 'error' }, { write: (line: string) => errors.push(line) });
    const { store: _, ...config } = readServerConfig(
      { DATABASE_URL: 'postgres://unused', REQUEST_STATE_KEYS: TEST_ONLY_KEY },
      { store: 'postgres', embedded: false },
    );
    const everything: ServerFactory = fixtureServer({
      storage: store.name,
      lifetime: config.lifetime,
      limits: config.limits,
      authenticates: false,
      onBug: (error, reference) => logger.error({ err: error, reference }, 'unexpected error'),
    });
    const service = createService({
      config,
      store,
      clock: systemClock,
      logger,
      ...(kind === 'everything' ? { server: everything } : {}),
    });
    const server = await listen(service, { host: '127.0.0.1', port: 0 });
    const lab = new FuzzLab(server, service, errors, await RawClient.open(server.origin));
    await lab.#control.result('store_value', { key: 'control', value: lab.#secret });
    return lab;
  }

  get controlId(): string {
    return this.#control.sessionId;
  }

  /** The id of a new session. */
  async session(protocolVersion: string): Promise<string> {
    const response = await fetch(`${this.origin}/mcp`, post(initializeMessage({ protocolVersion })));
    await response.arrayBuffer();
    return response.headers.get('mcp-session-id') as string;
  }

  /** The id of a session for all that do not end it: each costs a server of its own. */
  sharedSession(protocolVersion: string): Promise<string> {
    const shared = this.#shared.get(protocolVersion) ?? this.session(protocolVersion);
    this.#shared.set(protocolVersion, shared);
    return shared;
  }

  /** An id of an event of the control session. */
  async controlEventId(): Promise<string> {
    const reply = await this.#control.call('count', { to: 3 }, { progressToken: 'p' });
    await reply.stream?.end();
    const lastEventId = reply.stream?.firstEventId as string;
    // Of an id that is no event's, nothing could be shown to anybody.
    const resumed = await this.#control.listen({ lastEventId });
    resumed.close();
    return lastEventId;
  }

  /** Sends a request, and checks that all answers to it are fair. */
  async send(request: WireRequest, options: SendOptions = {}): Promise<Exchange> {
    return this.sendBytes(encodeRequest(request), { isHead: request.method === 'HEAD', ...options });
  }

  async sendBytes(bytes: Uint8Array, { body, isElsewhere, ...options }: SendOptions = {}): Promise<Exchange> {
    const exchanged = await exchange(this.origin, bytes, options);
    for (const answer of exchanged.answers) {
      assertFair(answer, { body, isElsewhere, secrets: [this.#secret, this.#control.sessionId] });
    }
    this.assertNoErrors();
    return exchanged;
  }

  /** Nothing that nobody foresaw was logged since the last look. */
  assertNoErrors(): void {
    expect(this.#errors.splice(0)).toEqual([]);
  }

  /** The service answers, and what it kept is as it was. */
  async assertUnharmed(): Promise<void> {
    const { result } = await this.#control.result('get_value', { key: 'control' });
    expect(result.structuredContent).toMatchObject({ value: this.#secret, version: 1 });
    const { result: listed } = await this.#control.result('list_values');
    expect(listed.structuredContent.keys ?? listed.structuredContent.values).toHaveLength(1);
    this.assertNoErrors();
  }

  async close(): Promise<void> {
    await this.#server.stop();
    await this.#service.mcp.close();
  }
}

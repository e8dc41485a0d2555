import { resultIn, WrongAnswer } from './answer.ts';
import { Connection } from './connection.ts';
import { CLIENT_INFO, structuredContentOf, type ToolClient } from './tool-client.ts';

const REVISION = '2026-07-28';

/** What every request of 2026-07-28 says of itself (Base Protocol, `_meta`). */
const META = {
  'io.modelcontextprotocol/protocolVersion': REVISION,
  'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** A client of 2026-07-28, which passes the session's id with each call. */
export class StatelessClient implements ToolClient {
  readonly #connection: Connection;
  #sessionId = '';
  #lastId = 0;

  private constructor(origin: string) {
    this.#connection = new Connection(origin);
  }

  static async open(origin: string): Promise<StatelessClient> {
    const client = new StatelessClient(origin);
    const { session_id: sessionId } = await client.#send('open_session', {});
    if (typeof sessionId !== 'string') throw new WrongAnswer('a session_id', sessionId);
    client.#sessionId = sessionId;
    return client;
  }

  call(tool: string, args: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
    return this.#send(tool, { session_id: this.#sessionId, ...args });
  }

  async close(): Promise<void> {
    await this.call('close_session', {});
    await this.#connection.close();
  }

  async #send(name: string, args: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
    this.#lastId += 1;
    const id = this.#lastId;
    const params = { name, arguments: args, _meta: META };
    const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params });
    return structuredContentOf(resultIn(await this.#connection.send('POST', headersFor(name), body), id));
  }
}

function headersFor(tool: string): string[] {
  return [
    'Content-Type',
    'application/json',
    'Accept',
    'application/json, text/event-stream',
    'MCP-Protocol-Version',
    REVISION,
    'Mcp-Method',
    'tools/call',
    'Mcp-Name',
    tool,
  ];
}

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Chance } from './chance.ts';
import type { History } from './history.ts';

/** After which a call that has no answer is given up. */
const CALL_MS = 12_000;

/** The official client, which resumes broken streams by itself. */
export class OfficialClient {
  readonly #client: Client;
  readonly #name: string;
  readonly #chance: Chance;
  readonly #history: History;
  readonly #said: unknown[] = [];

  private constructor(client: Client, name: string, chance: Chance, history: History) {
    this.#client = client;
    this.#name = name;
    this.#chance = chance;
    this.#history = history;
    client.fallbackNotificationHandler = async ({ params }) => void this.#said.push(params?.['data']);
  }

  static async connect(
    origin: string,
    options: { readonly name: string; readonly chance: Chance; readonly history: History },
  ): Promise<OfficialClient> {
    const client = new Client({ name: 'official', version: '7' });
    const official = new OfficialClient(client, options.name, options.chance, options.history);
    const transport = new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), {
      reconnectionOptions: {
        initialReconnectionDelay: 100,
        maxReconnectionDelay: 500,
        reconnectionDelayGrowFactor: 1.5,
        maxRetries: 40,
      },
    });
    await client.connect(transport as Parameters<Client['connect']>[0]);
    return official;
  }

  /** Makes one call. */
  async act(): Promise<void> {
    const label = `${this.#name}/${this.#history.nextId()}`;
    const to = this.#chance.between(3, 12);
    const args = { to, label, delay_ms: this.#chance.between(5, 60) };
    const counted = await this.#client
      .callTool({ name: 'count', arguments: args }, undefined, { timeout: CALL_MS })
      .then(
        ({ structuredContent }) => (structuredContent as { counted: number }).counted,
        // A connection that broke before it had an event id, or an instance that died: the client cannot know.
        () => undefined,
      );
    this.#history.count('official count', counted === undefined ? 'unknown' : 'ok');
    const said = this.#said.filter((each) => String(each).startsWith(`${label} `));
    this.#history.officialCalls.push({ label, to, said, counted });
  }

  /** What was said that belongs to no call of this client. */
  get strange(): readonly unknown[] {
    return this.#said.filter((each) => !String(each).startsWith(`${this.#name}/`));
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

import pg from 'pg';

const TABLE = 'bare_events';
const CHANNEL = 'bare_events';
const EVENT = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info' } });

/** How a notification is written: statement by statement, or all in one. */
export type Writing = 'transaction' | 'one statement';

/** What a database takes by itself to keep a row and tell a client that listens on another connection. */
export class BareNotifier {
  readonly #writer: pg.Client;
  readonly #listener: pg.Client;
  /** Rejects if a connection breaks. */
  readonly #lost: Promise<never>;
  #heard: (at: bigint) => void = () => {};

  private constructor(writer: pg.Client, listener: pg.Client) {
    this.#writer = writer;
    this.#listener = listener;
    listener.on('notification', () => this.#heard(process.hrtime.bigint()));
    this.#lost = new Promise((_, reject) => {
      for (const client of [writer, listener]) client.on('error', reject);
    });
    this.#lost.catch(() => {});
  }

  static async open(connectionString: string): Promise<BareNotifier> {
    const [writer, listener] = [new pg.Client({ connectionString }), new pg.Client({ connectionString })];
    await Promise.all([writer.connect(), listener.connect()]);
    await writer.query(`create table ${TABLE} (id bigserial primary key, data json not null)`);
    await listener.query(`listen ${CHANNEL}`);
    return new BareNotifier(writer, listener);
  }

  /** @returns from the first statement until the listener has heard, in milliseconds */
  async deliver(writing: Writing): Promise<number> {
    const heard = new Promise<bigint>((resolve) => {
      this.#heard = resolve;
    });
    const from = process.hrtime.bigint();
    if (writing === 'transaction') await this.#writeInTransaction();
    else await this.#writeAtOnce();
    return Number((await Promise.race([heard, this.#lost])) - from) / 1e6;
  }

  async close(): Promise<void> {
    await Promise.all([this.#writer.end(), this.#listener.end()]);
  }

  async #writeInTransaction(): Promise<void> {
    await this.#writer.query('begin');
    await this.#writer.query({
      name: 'insert',
      text: `insert into ${TABLE} (data) values ($1)`,
      values: [EVENT],
    });
    await this.#writer.query({
      name: 'notify',
      text: 'select pg_notify($1, $2)',
      values: [CHANNEL, 'event'],
    });
    await this.#writer.query('commit');
  }

  async #writeAtOnce(): Promise<void> {
    const text = `with written as (insert into ${TABLE} (data) values ($1)) select pg_notify($2, $3)`;
    await this.#writer.query({ name: 'both', text, values: [EVENT, CHANNEL, 'event'] });
  }
}

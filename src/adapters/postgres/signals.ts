import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { Signals, SignalTopic } from '../../ports/signals.ts';
import type { Database } from './database.ts';
import { Listener } from './listener.ts';
import type { Sockets } from './sockets.ts';
import { statement, textParameter } from './statement.ts';
import { Watchers } from './watchers.ts';

const CHANNEL = 'durable_mcp_signals';
/** How late a signal of another instance is where LISTEN is not possible. */
const POLL_MS = 1_000;

const notify = statement<{ readonly payload: string }, never>(
  'mcp_notify',
  sql`select pg_notify(${sql.raw(`'${CHANNEL}'`)}, ${textParameter('payload')})`,
);

export interface PostgresSignalsOptions {
  /** Where to LISTEN: a direct connection. `false` where there is only a pooler: watchers are called regularly. */
  readonly listenConnectionString: string | false;
  readonly sockets: Sockets;
  readonly onError: (error: unknown) => void;
}

/**
 * Signals by LISTEN and NOTIFY. A notification carries the sender, the session's reference and the stream's
 * name, nothing of a message: whoever may connect to the database may listen.
 */
export class PostgresSignals implements Signals {
  readonly #database: Database;
  readonly #options: PostgresSignalsOptions;
  readonly #watchers = new Watchers();
  /** Tells one's own notifications apart, whose watchers have been called already. */
  readonly #sender = randomBytes(6).toString('base64url');
  #listener: Listener | undefined;
  #poll: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(database: Database, options: PostgresSignalsOptions) {
    this.#database = database;
    this.#options = options;
  }

  async publish(topic: SignalTopic): Promise<void> {
    const text = topicText(topic);
    this.#watchers.call(text);
    try {
      await this.#database.run(notify, { payload: `${this.#sender} ${text}` });
    } catch (error) {
      this.#options.onError(error);
    }
  }

  watch(topic: SignalTopic, onSignal: () => void): () => void {
    this.#start();
    return this.#watchers.add(topicText(topic), onSignal);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    this.#listener?.close();
  }

  /** With the first watcher: a store that only writes, such as a command's, needs no connection for signals. */
  #start(): void {
    if (this.#closed || this.#listener !== undefined || this.#poll !== undefined) return;
    const { listenConnectionString: connectionString, sockets, onError } = this.#options;
    if (connectionString === false) {
      this.#poll = setInterval(() => this.#watchers.callAll(), POLL_MS).unref();
      return;
    }
    this.#listener = new Listener({
      connectionString,
      channel: CHANNEL,
      sockets,
      onNotification: (payload) => {
        const [sender, text = ''] = payload.split(' ');
        if (sender !== this.#sender) this.#watchers.call(text);
      },
      onListening: () => this.#watchers.callAll(),
      onError,
    });
  }
}

function topicText({ ref, stream }: SignalTopic): string {
  return stream === undefined ? ref : `${ref}/${stream}`;
}

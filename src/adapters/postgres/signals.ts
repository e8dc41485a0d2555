import { randomBytes } from 'node:crypto';
import type { OnSignal, Signals, SignalTopic } from '../../ports/signals.ts';
import type { Database } from './database.ts';
import { Listener } from './listener.ts';
import { CHANNEL, notify } from './signal-statements.ts';
import type { Sockets } from './sockets.ts';
import { StreamCatchUp } from './stream-catch-up.ts';
import { topicText, Watchers } from './watchers.ts';

/** A notification is lost with the process that was to send it, or where sending it failed. */
const CATCH_UP_MS = 30_000;
/** How late a signal of another instance is where LISTEN is not possible. */
const POLL_MS = 1_000;

export interface PostgresSignalsOptions {
  /** Where to LISTEN: a direct connection. `false` where there is only a pooler: streams are looked at instead. */
  readonly listenConnectionString: string | false;
  /** How often all watched streams are looked at, in ms. Default: 30,000, or 1,000 without LISTEN. */
  readonly catchUpMs?: number | undefined;
  readonly sockets: Sockets;
  readonly onError: (error: unknown) => void;
}

/**
 * Signals by LISTEN and NOTIFY, and by a look at the watched streams for those that were lost. A notification
 * carries the sender, the session's reference and the stream's name, nothing of a message: whoever may connect
 * to the database may listen.
 *
 * Sessions are not looked at: that another instance changed one is found out, at the latest, when the cached
 * record is too old.
 */
export class PostgresSignals implements Signals {
  readonly tellsOfSessions: boolean;
  readonly #database: Database;
  readonly #options: PostgresSignalsOptions;
  readonly #watchers = new Watchers();
  readonly #catchUp: StreamCatchUp;
  /** Tells one's own notifications apart, whose watchers have been called already. */
  readonly #sender = randomBytes(6).toString('base64url');
  #listener: Listener | undefined;
  #closed = false;

  constructor(database: Database, options: PostgresSignalsOptions) {
    this.#database = database;
    this.#options = options;
    this.tellsOfSessions = options.listenConnectionString !== false;
    this.#catchUp = new StreamCatchUp({
      database,
      watchers: this.#watchers,
      intervalMs: options.catchUpMs ?? (options.listenConnectionString === false ? POLL_MS : CATCH_UP_MS),
      onError: options.onError,
    });
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

  watch(topic: SignalTopic, onSignal: OnSignal): () => void {
    this.#listen();
    if (topic.stream !== undefined) this.#catchUp.start();
    return this.#watchers.add(topic, onSignal);
  }

  /** The way to the database is in doubt. */
  doubt(): void {
    this.#listener?.doubt();
  }

  close(): void {
    this.#closed = true;
    this.#catchUp.close();
    this.#listener?.close();
  }

  /** With the first watcher: a store that only writes, such as a command's, needs no connection for signals. */
  #listen(): void {
    const { listenConnectionString: connectionString, sockets, onError } = this.#options;
    if (this.#closed || this.#listener !== undefined || connectionString === false) return;
    this.#listener = new Listener({
      connectionString,
      channel: CHANNEL,
      sockets,
      onNotification: (payload) => {
        const [sender, text = ''] = payload.split(' ');
        if (sender !== this.#sender) this.#watchers.call(text);
      },
      // Signals may have been missed, and it may be another server.
      onListening: () => this.#watchers.callAll(true),
      onError,
    });
  }
}

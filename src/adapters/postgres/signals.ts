import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { OnSignal, Signals, SignalTopic } from '../../ports/signals.ts';
import type { Database } from './database.ts';
import { Listener } from './listener.ts';
import { CHANNEL, notify } from './signal-statements.ts';
import type { Sockets } from './sockets.ts';
import { StreamCatchUp } from './stream-catch-up.ts';
import { topicText, Watchers } from './watchers.ts';

/** A notification is lost with the process that was to send it, or where sending it failed. */
const CATCH_UP_MS = 30_000;
/** By when a notification has arrived, however busy the server is, if the connection then still answers. */
const ARRIVAL_MS = 3_000;
/** How late a signal of another instance is where LISTEN is not possible. */
const POLL_MS = 1_000;

export interface PostgresSignalsOptions {
  /** Where to LISTEN: a direct connection. `false` where there is only a pooler: streams are looked at instead. */
  readonly listenConnectionString: string | false;
  /** How often all watched streams are looked at, in ms. Default: 30,000, or 1,000 without LISTEN. */
  readonly catchUpMs?: number | undefined;
  /** Whether to find out that what is notified through the database arrives there: it may be another one. */
  readonly checksArrival: boolean;
  /** By when it has arrived, in ms. Default: 3,000. */
  readonly arrivalMs?: number | undefined;
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
  /** Notified to find out whether it arrives, and not heard yet. */
  #unheard: string | undefined;
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
      await this.#notify(text);
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
    this.#unheard = undefined;
    this.#catchUp.close();
    this.#listener?.close();
  }

  async #notify(text: string): Promise<void> {
    await this.#database.run(notify, { payload: `${this.#sender} ${text}` });
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
        if (sender === this.#sender) this.#heard(text);
        else this.#watchers.call(text);
      },
      onListening: (answers) => {
        // Signals may have been missed, and it may be another server.
        this.#watchers.callAll(true);
        if (this.#options.checksArrival) void this.#checkArrival(answers);
      },
      onError,
    });
  }

  /**
   * A connection to another database, or through a pooler, listens as well as any other, and is never told anything.
   * @param answers whether the connection still does
   */
  async #checkArrival(answers: () => Promise<boolean>): Promise<void> {
    const token = `check-${randomBytes(6).toString('base64url')}`;
    this.#unheard = token;
    const isUnheard = (): boolean => this.#unheard === token;
    try {
      await this.#notify(token);
    } catch (error) {
      // Nothing can be said then; nor is there anything to say of a store that was closed meanwhile.
      if (isUnheard()) this.#options.onError(error);
      return;
    }
    await pause(this.#options.arrivalMs ?? ARRIVAL_MS, undefined, { ref: false });
    // One that was lost meanwhile is made anew, and this check with it.
    if (!isUnheard() || !(await answers()) || !isUnheard()) return;
    this.#options.onError(
      new Error(
        'No signal arrives over DATABASE_LISTEN_URL (listenConnectionString), so that what other instances tell is ' +
          'noticed late: it must lead to the same database as DATABASE_URL (connectionString), past any pooler',
      ),
    );
  }

  #heard(token: string): void {
    if (token === this.#unheard) this.#unheard = undefined;
  }
}

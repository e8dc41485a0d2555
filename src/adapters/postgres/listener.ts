import pg from 'pg';
import type { Sockets } from './sockets.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;
/** A connection whose other end vanished without a word is silent for ever: it is asked now and then. */
const HEARTBEAT_MS = 30_000;
const HEARTBEAT_TIMEOUT_MS = 5_000;
/** However many statements go wrong, a connection in doubt is replaced once in this time. */
const DOUBT_MS = 2_000;

export interface ListenerOptions {
  readonly connectionString: string;
  readonly channel: string;
  readonly sockets: Sockets;
  /** How often the connection is asked whether it is there, in ms. Default: 30,000. */
  readonly heartbeatMs?: number;
  readonly onNotification: (payload: string) => void;
  /**
   * The connection is there, for the first time or again: earlier notifications may have been missed.
   * @param answers whether this connection still answers: what was notified before, it has been told then
   */
  readonly onListening: (answers: () => Promise<boolean>) => void;
  readonly onError: (error: unknown) => void;
}

/** One connection that listens, made again whenever it is lost, until `close`. */
export class Listener {
  readonly #options: ListenerOptions;
  #client: pg.Client | undefined;
  #pause = FIRST_PAUSE_MS;
  #reconnect: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #replacing: NodeJS.Timeout | undefined;
  #lose: (error: Error) => void = () => {};
  #closed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#start();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#reconnect);
    clearInterval(this.#heartbeat);
    clearTimeout(this.#replacing);
    void this.#client?.end().catch(() => {});
  }

  /**
   * Replaces the connection soon: another one to the same place had no answer, or met a former primary, where this one
   * would hear nothing, and answer its heartbeats all the same.
   */
  doubt(): void {
    if (this.#closed) return;
    this.#replacing ??= setTimeout(() => {
      this.#replacing = undefined;
      this.#lose(new Error('The connection for signals may lead nowhere'));
    }, DOUBT_MS).unref();
  }

  /** What `#connect` itself throws is a connection string that pg cannot read. */
  #start(): void {
    this.#connect().catch(this.#options.onError);
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#options.connectionString,
      application_name: 'durable-mcp signals',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: HEARTBEAT_TIMEOUT_MS,
      keepAlive: true,
      stream: this.#options.sockets.create,
    });
    this.#client = client;
    let lost = false;
    const onLost = (error?: unknown): void => {
      if (lost) return;
      lost = true;
      clearInterval(this.#heartbeat);
      void client.end().catch(() => {});
      if (this.#closed) return;
      this.#options.onError(error ?? new Error('The connection for signals was closed'));
      this.#reconnect = setTimeout(() => this.#start(), this.#pause * (0.5 + Math.random())).unref();
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    };
    this.#lose = onLost;
    client.on('error', onLost);
    client.on('end', () => onLost());
    client.on('notification', ({ payload }) => this.#options.onNotification(payload ?? ''));
    try {
      await client.connect();
      await client.query(`listen ${this.#options.channel}`);
    } catch (error) {
      return onLost(error);
    }
    if (this.#closed || lost) return;
    this.#pause = FIRST_PAUSE_MS;
    const { heartbeatMs = HEARTBEAT_MS } = this.#options;
    this.#heartbeat = setInterval(() => client.query('select').catch(onLost), heartbeatMs).unref();
    this.#options.onListening(async () => {
      try {
        await client.query('select');
        return true;
      } catch (error) {
        onLost(error);
        return false;
      }
    });
  }
}

import { Client, type Dispatcher } from 'undici';

/** A whole answer. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** No answer takes so long that is not lost. */
const TIMEOUT_MS = 60_000;

/** One kept-alive connection, with one request at a time: what a client of one session has. */
export class Connection {
  readonly #client: Client;

  constructor(origin: string) {
    this.#client = new Client(origin, {
      pipelining: 1,
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    });
  }

  /** @param headers names and values in turn, which costs least */
  send(method: 'POST' | 'DELETE', headers: readonly string[], body?: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      let status = 0;
      let replyHeaders: Reply['headers'] = {};
      const chunks: Buffer[] = [];
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart: () => {},
        onResponseStart: (_, statusCode, given) => {
          status = statusCode;
          replyHeaders = given;
        },
        onResponseData: (_, chunk) => {
          chunks.push(chunk);
        },
        onResponseEnd: () => {
          const [only = Buffer.alloc(0)] = chunks;
          const whole = chunks.length > 1 ? Buffer.concat(chunks) : only;
          resolve({ status, headers: replyHeaders, text: whole.toString() });
        },
        onResponseError: (_, error) => reject(error),
      };
      this.#client.dispatch(
        { method, path: '/mcp', headers: headers as string[], body: body ?? null },
        handler,
      );
    });
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

import { StringDecoder } from 'node:string_decoder';
import { Client, type Dispatcher } from 'undici';
import { WrongAnswer } from './answer.ts';
import { type ServerSentEvent, ServerSentEvents } from './server-sent-events.ts';
import { PROTOCOL_VERSION } from './session-client.ts';

export interface EventStreamOptions {
  /** Left out for a server without sessions. */
  readonly sessionId?: string;
  /** Where to resume. */
  readonly lastEventId?: string;
  /** @param at when it came, by `process.hrtime.bigint()`, which all processes of a machine share */
  readonly onEvent?: (event: ServerSentEvent, at: bigint) => void;
}

/** A GET whose answer is a stream of server-sent events, on a connection of its own. */
export class EventStream {
  /** Why there is nothing more to come; `undefined` while the stream is open. */
  ended: Error | undefined;
  /** Rejects if the stream ends. */
  readonly failure: Promise<never>;
  readonly #client: Client;
  #fail: (error: Error) => void = () => {};

  private constructor(client: Client) {
    this.#client = client;
    this.failure = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failure.catch(() => {});
  }

  /** Resolves once the server has begun the stream. @throws WrongAnswer if it does not */
  static async open(origin: string, options: EventStreamOptions = {}): Promise<EventStream> {
    const client = new Client(origin, { pipelining: 1, bodyTimeout: 0 });
    const stream = new EventStream(client);
    try {
      await stream.#listen(options);
    } catch (error) {
      await stream.close();
      throw error;
    }
    return stream;
  }

  async close(): Promise<void> {
    this.#end(new Error('closed by its client'));
    await this.#client.destroy();
  }

  #listen({ sessionId, lastEventId, onEvent = () => {} }: EventStreamOptions): Promise<void> {
    const events = new ServerSentEvents();
    const text = new StringDecoder();
    const headers = ['Accept', 'text/event-stream', 'MCP-Protocol-Version', PROTOCOL_VERSION];
    if (sessionId !== undefined) headers.push('Mcp-Session-Id', sessionId);
    if (lastEventId !== undefined) headers.push('Last-Event-ID', lastEventId);
    return new Promise((begun, failed) => {
      const fail = (error: Error): void => {
        this.#end(error);
        failed(error);
      };
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart: () => {},
        onResponseStart: (_, status, head) => {
          const type = String(head['content-type']);
          if (status === 200 && type.startsWith('text/event-stream')) begun();
          else fail(new WrongAnswer('a stream of events', `${status} ${type}`));
        },
        onResponseData: (_, chunk) => {
          const at = process.hrtime.bigint();
          try {
            for (const event of events.push(text.write(chunk))) onEvent(event, at);
          } catch (error) {
            fail(error as Error);
          }
        },
        onResponseEnd: () => fail(new WrongAnswer('a stream that goes on', 'its end')),
        onResponseError: (_, error) => fail(error),
      };
      this.#client.dispatch({ method: 'GET', path: '/mcp', headers }, handler);
    });
  }

  #end(error: Error): void {
    this.ended ??= error;
    this.#fail(error);
  }
}

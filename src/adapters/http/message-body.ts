import type { IncomingMessage } from 'node:http';
import { RequestRefused } from './errors.ts';

/** Fatal: a replacement character in place of a broken one would be a silent change of what is stored. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads and parses a JSON body of at most `limit` bytes.
 *
 * @param incoming the Node request, if there is one: reading `request.body` instead would make the adapter
 *   build a whole web Request first, which costs a quarter of a small call
 * @throws RequestRefused
 */
export async function readMessage(
  request: Request,
  incoming: IncomingMessage | undefined,
  limit: number,
): Promise<unknown> {
  if (Number(request.headers.get('content-length')) > limit) throw tooLarge(limit);
  let bytes: Uint8Array;
  try {
    bytes = await (incoming === undefined ? readWeb(request.body, limit) : readNode(incoming, limit));
  } catch (error) {
    if (error instanceof RequestRefused) throw error;
    // The client hung up: nobody reads the answer, but it is no fault of ours either.
    throw new RequestRefused('parse_error', 'Parse error: the body ended early');
  }
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    throw new RequestRefused('parse_error', 'Parse error: the body is not valid UTF-8');
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's own message quotes the body, which may hold anything.
    throw new RequestRefused('parse_error', 'Parse error: the body is not valid JSON');
  }
}

async function readWeb(body: Request['body'], limit: number): Promise<Uint8Array> {
  const chunks = new Chunks(limit);
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) chunks.add(chunk);
  return chunks.bytes();
}

/** By events: to iterate over a stream costs more than all else that is done with a small body. */
function readNode(incoming: IncomingMessage, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks = new Chunks(limit);
    const hasClosed = (): void => {
      // To make an error is dear, and most streams close after their end.
      if (!incoming.readableEnded) reject(new Error('closed before its end'));
    };
    // What came before this was asked for comes no more: middleware read the body, or the client hung up meanwhile.
    if (incoming.readableEnded) return resolve(chunks.bytes());
    if (incoming.destroyed) return hasClosed();
    incoming.on('data', (chunk: Uint8Array) => {
      try {
        chunks.add(chunk);
      } catch (error) {
        reject(error);
      }
    });
    incoming.on('end', () => resolve(chunks.bytes()));
    incoming.on('error', reject);
    incoming.on('close', hasClosed);
  });
}

class Chunks {
  readonly #limit: number;
  #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws RequestRefused, from the chunk on that is too much; none is kept then */
  add(chunk: Uint8Array): void {
    this.#length += chunk.byteLength;
    if (this.#length > this.#limit) {
      this.#chunks = [];
      throw tooLarge(this.#limit);
    }
    this.#chunks.push(chunk);
  }

  bytes(): Uint8Array {
    const [only] = this.#chunks;
    return only !== undefined && this.#chunks.length === 1 ? only : Buffer.concat(this.#chunks);
  }
}

function tooLarge(limit: number): RequestRefused {
  return new RequestRefused('body_too_large', `The body is too large: at most ${limit} bytes are allowed`);
}

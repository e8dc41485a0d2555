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
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of (incoming ?? request.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > limit) throw tooLarge(limit);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof RequestRefused) throw error;
    // The client hung up: nobody reads the answer, but it is no fault of ours either.
    throw new RequestRefused('parse_error', 'Parse error: the body ended early');
  }
  let text: string;
  try {
    text = UTF8.decode(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
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

function tooLarge(limit: number): RequestRefused {
  return new RequestRefused('body_too_large', `The body is too large: at most ${limit} bytes are allowed`);
}

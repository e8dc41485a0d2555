import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorResponse, type HttpProblem } from './errors.ts';

/** What Node says of a request that it could not read. */
export interface ReadingError extends Error {
  readonly code?: string;
}

/** All headers of a request together, in bytes. */
export const HEADERS_BYTES = 16 * 1024;

const NO_REQUEST = 'This is no request of HTTP/1.1';

/** The answer to a request that names nothing that can be asked for: no host, or a target that is no path. */
export function malformedRequest(): Response {
  return errorResponse('malformed_request', NO_REQUEST);
}

/**
 * Answers a request that never became one, as all others are answered that are refused, and ends the connection: what
 * comes next on it cannot be told.
 * @param isAnswering whether an answer is on its way on this connection, which another one would be taken for a part of
 */
export async function answerUnreadable(
  error: ReadingError,
  socket: Duplex,
  isAnswering: boolean,
): Promise<void> {
  if (isAnswering || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const response = errorResponse(...explained(error));
  const body = await response.text();
  const head = [
    `HTTP/1.1 ${response.status} ${STATUS_CODES[response.status]}`,
    ...[...response.headers].map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  // Whoever sends on and reads nothing is not waited for.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

function explained({ code }: ReadingError): [problem: HttpProblem, message: string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [
        'headers_too_large',
        `The headers are too large: at most ${HEADERS_BYTES} bytes are allowed together`,
      ];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['request_timeout', 'The request took too long to arrive: send it again, faster'];
    default:
      return ['malformed_request', NO_REQUEST];
  }
}

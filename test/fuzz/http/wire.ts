import { connect } from 'node:net';
import { type WireAnswer, wireAnswers } from './wire-answers.ts';

/** Far beyond what any answer takes on a busy machine. */
const DEADLINE_MS = 8_000;

export interface WireRequest {
  readonly method?: string;
  readonly target?: string;
  /** As they go over the wire, in Latin-1: several of one name, and such as no client would send. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Uint8Array;
}

/** The bytes of a request. Its length is said unless `headers` say something of it. */
export function encodeRequest({ method = 'POST', target = '/mcp', headers, body }: WireRequest): Uint8Array {
  const saysLength = headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
  const length = body === undefined || saysLength ? [] : [['Content-Length', String(body.length)] as const];
  const lines = [...headers, ...length].map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([
    Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines}\r\n`, 'latin1'),
    body ?? Buffer.alloc(0),
  ]);
}

/** What came back, and whether the server ended the connection. */
export interface Exchange {
  readonly answers: readonly WireAnswer[];
  readonly isEnded: boolean;
}

export interface ExchangeOptions {
  readonly isHead?: boolean;
  /** How many answers end the exchange, if the server does not end it before. */
  readonly answers?: number;
  /** Whether the first line and headers of an event stream are enough, since it may have no end. */
  readonly isOpenEnded?: boolean;
  /** Says after the last byte that no more will come. */
  readonly hangsUp?: boolean;
}

/** Sends bytes on a connection of their own. @throws where the server neither answers nor ends it */
export function exchange(
  origin: string,
  bytes: Uint8Array,
  { isHead = false, answers = 1, isOpenEnded = false, hangsUp = false }: ExchangeOptions = {},
): Promise<Exchange> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    let received = Buffer.alloc(0);
    const over = (isEnded: boolean): void => {
      clearTimeout(deadline);
      socket.destroy();
      resolve({ answers: wireAnswers(received, isHead, isEnded), isEnded });
    };
    const deadline = setTimeout(() => {
      socket.destroy();
      const sent = Buffer.from(bytes.subarray(0, 2_000)).toString('latin1');
      reject(
        new Error(
          `hung for ${DEADLINE_MS} ms after ${JSON.stringify(sent)}: got ${JSON.stringify(received.toString().slice(0, 2_000))}`,
        ),
      );
    }, DEADLINE_MS);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const sofar = wireAnswers(received, isHead, false);
      const isEnough = ({ isComplete, type }: WireAnswer): boolean =>
        isComplete || (isOpenEnded && type === 'text/event-stream');
      if (sofar.filter(isEnough).length >= answers) over(false);
    });
    socket.on('end', () => over(true));
    // The server refused to read on: what it said before still counts.
    socket.on('error', () => over(true));
    socket.on('close', () => over(true));
    socket.write(bytes);
    if (hangsUp) socket.end();
  });
}

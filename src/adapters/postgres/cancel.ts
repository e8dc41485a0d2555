import type pg from 'pg';
import type { Sockets } from './sockets.ts';

const CANCEL_TIMEOUT_MS = 2_000;
const CANCEL_REQUEST_CODE = 80_877_102;

/** What pg knows of its connection and does not type. */
interface Connected {
  readonly host: string;
  readonly port: number;
  /** Both as the server, or a pooler in its place, gave them when the connection began. */
  readonly processID: number;
  readonly secretKey: number;
}

/**
 * Asks the server to give up the statement that runs on `client`, which otherwise goes on without anybody who
 * waits for it, and may write long after its caller was told that it failed. Through a pooler too, while the
 * connection is kept. Best effort, as the protocol has it: resolves when the request was taken, or after 2 s.
 */
export function cancelStatement(client: pg.ClientBase, sockets: Sockets): Promise<void> {
  const { host, port, processID, secretKey } = client as unknown as Connected;
  const request = Buffer.alloc(16);
  for (const [index, field] of [request.length, CANCEL_REQUEST_CODE, processID, secretKey].entries()) {
    request.writeInt32BE(field, index * 4);
  }
  return new Promise((resolve) => {
    const socket = sockets.create();
    socket.setTimeout(CANCEL_TIMEOUT_MS, () => socket.destroy());
    // Nothing depends on it: the server's own timeout, where it has one, comes to the same.
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    // The answer is the end of the connection. Unencrypted, as it always was: it carries nothing but the key.
    socket.resume();
    if (host.startsWith('/')) socket.connect(`${host}/.s.PGSQL.${port}`, () => socket.write(request));
    else socket.connect(port, host, () => socket.write(request));
  });
}

import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the range that systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere): a port
 * in it could be taken, while the engine restarts, by the very client that tries to reconnect to it.
 */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/** The preferred port when it is free, else another free one. */
export async function freePort(preferred: number | undefined): Promise<number> {
  if (preferred !== undefined && (await isFree(preferred))) return preferred;
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port between ${LOWEST} and ${HIGHEST} on 127.0.0.1`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

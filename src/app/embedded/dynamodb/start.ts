import { join } from 'node:path';
import { EngineUnavailable } from '../errors.ts';
import { freePort } from '../port.ts';
import { rememberedPort, rememberPort } from '../remembered-port.ts';
import type { EngineOptions, RunningEngine } from '../running-engine.ts';

/** Runs dynalite in this process, on the LevelDB files in `<dir>/leveldb`. */
export async function startDynalite(dir: string, { log }: EngineOptions): Promise<RunningEngine> {
  const { default: dynalite } = await loadDynalite();
  // dynalite throws when a client breaks off in the middle of a request, and a killed member does just that.
  // While it opens, what it throws is why it cannot.
  let failOpening: ((error: unknown) => void) | undefined;
  const onStray = (error: unknown) => {
    log(`dynalite: ${error instanceof Error ? error.stack : String(error)}`);
    failOpening?.(error);
  };
  process.on('uncaughtException', onStray);
  process.on('unhandledRejection', onStray);

  const port = await freePort(rememberedPort(dir));
  const server = dynalite({
    path: join(dir, 'leveldb'),
    createTableMs: 0,
    deleteTableMs: 0,
    updateTableMs: 0,
  });
  const url = `http://127.0.0.1:${port}`;
  try {
    await new Promise<void>((resolve, reject) => {
      failOpening = reject;
      server.once('error', reject);
      server.listen({ host: '127.0.0.1', port }, () => firstRead(url).then(resolve, reject));
    });
  } catch (error) {
    throw new EngineUnavailable(
      `dynalite cannot open its data in ${join(dir, 'leveldb')} (${reason(error)}): another process may have it ` +
        'open, or the files are damaged; to start over with no tables delete the directory',
      { cause: error },
    );
  }
  failOpening = undefined;
  rememberPort(dir, port);
  return {
    url,
    adopted: false,
    died: new Promise(() => {}),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        setTimeout(resolve, 2_000).unref(); // LevelDB loses nothing it has acknowledged
      }),
  };
}

/** LevelDB opens in the background: only a request that reads from it shows that it did. */
async function firstRead(url: string): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'DynamoDB_20120810.ListTables',
      'x-amz-date': '20000101T000000Z',
      authorization: 'AWS4-HMAC-SHA256 Credential=local, SignedHeaders=host, Signature=none',
    },
    body: '{}',
    signal: AbortSignal.timeout(20_000),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(answer);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function loadDynalite(): Promise<typeof import('dynalite')> {
  try {
    return await import('dynalite');
  } catch (error) {
    throw new EngineUnavailable(
      'the embedded DynamoDB engine needs the development dependencies (npm ci): install them, or set ' +
        'AWS_ENDPOINT_URL_DYNAMODB',
      { cause: error },
    );
  }
}

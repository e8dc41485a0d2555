import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { freePort } from '../../src/app/embedded/port.ts';
import { spawnWithParent } from './spawn-with-parent.ts';

export interface DynamodbEngine {
  /** `undefined` where the environment says it all: a real DynamoDB, or another engine. */
  readonly endpoint: string | undefined;
  stop(): Promise<void>;
}

const require = createRequire(import.meta.url);

/** dynalite in memory; with `AWS_ENDPOINT_URL_DYNAMODB` set, what that names instead. */
export async function startDynaliteOrConfigured(): Promise<DynamodbEngine> {
  if (process.env['AWS_ENDPOINT_URL_DYNAMODB'] !== undefined) {
    return { endpoint: undefined, stop: async () => {} };
  }
  return startDynalite();
}

/** Runs in a thread of its own: on the tests' event loop, 300 concurrent requests would time each other out. */
const DYNALITE_THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  const dynalite = require(workerData);
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  server.listen({ host: '127.0.0.1', port: 0 }, () => parentPort.postMessage(server.address().port));
`;

export async function startDynalite(): Promise<DynamodbEngine> {
  const thread = new Worker(DYNALITE_THREAD, { eval: true, workerData: require.resolve('dynalite') });
  const port = await new Promise<number>((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
  });
  return {
    endpoint: `http://127.0.0.1:${port}`,
    stop: async () => {
      await thread.terminate();
    },
  };
}

/** The reason why dynoxide cannot run here, or `undefined` if it can. */
export function dynoxideMissing(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'it is built for linux-x64 only';
  return existsSync(dynoxidePath()) ? undefined : '@dynoxide/linux-x64 is not installed';
}

function dynoxidePath(): string {
  try {
    return join(dirname(require.resolve('@dynoxide/linux-x64/package.json')), 'dynoxide');
  } catch {
    return '';
  }
}

const START_BOUND_MS = 10_000;

/** dynoxide as a child process, in memory. */
export async function startDynoxide(): Promise<DynamodbEngine> {
  const port = await freePort(undefined);
  const engine = spawnWithParent([dynoxidePath(), 'serve', '--host', '127.0.0.1', '--port', String(port)]);
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await answers(endpoint);
  } catch (error) {
    await engine.stop();
    throw new Error(`dynoxide did not start: ${engine.output()}`, { cause: error });
  }
  return { endpoint, stop: engine.stop };
}

async function answers(endpoint: string): Promise<void> {
  const deadline = Date.now() + START_BOUND_MS;
  for (;;) {
    const response = await fetch(endpoint, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
    if (response !== undefined) return;
    if (Date.now() > deadline) throw new Error(`no answer within ${START_BOUND_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The engines that this machine has, with a way to start each. */
export const ENGINES_HERE: readonly (readonly [name: string, start: () => Promise<DynamodbEngine>])[] =
  dynoxideMissing() === undefined
    ? [
        ['dynalite', startDynalite],
        ['dynoxide', startDynoxide],
      ]
    : [['dynalite', startDynalite]];

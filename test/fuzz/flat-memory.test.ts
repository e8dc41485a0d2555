import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { memoryStore } from '../../src/adapters/memory/store.ts';
import { mutated } from './http/hostile.ts';
import { FuzzLab } from './http/lab.ts';
import { IN_SESSION, type Message, STATELESS } from './http/messages.ts';
import { bodyOf, inSession, listens, statelessHeaders } from './http/requests.ts';
import type { WireRequest } from './http/wire.ts';
import { fuzzed, fuzzTimeout } from './runs.ts';

const WARM_UP = 12;
const ROUNDS = 6;
/** So long that whatever keeps it, or the message, is seen. */
const ID_CHARACTERS = 1_000;
/** What may be left of one request: compiled code, and streams of the calls that a busy machine was slow to answer. */
const BYTES_EACH = 800;

/** Those after which nothing is to be kept: a session that is opened is. */
const leavesNothing = ({ method, params }: Message): boolean =>
  method !== 'initialize' && params?.['name'] !== 'open_session';

/** The message with another id than any before, where it still has one. */
function withLongId(message: unknown, count: number): unknown {
  const isUntouched = typeof message === 'object' && message !== null && 'id' in message && message.id === 7;
  return isUntouched ? { ...message, id: String(count).padEnd(ID_CHARACTERS, '-') } : message;
}

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What is alive, once what is under way has settled. */
async function liveBytes(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  return process.memoryUsage().heapUsed;
}

// Catches: a map of requests, sessions or streams with an entry for each that is refused, whatever made it fail.
it(
  'hostile messages leave nothing in memory, however many there are',
  async () => {
    const lab = await FuzzLab.open(memoryStore(), 'state');
    const id = await lab.session('2025-11-25');
    // The same in each round, so that what sessions rightly keep of them does not grow.
    const { seed, numRuns = 0 } = fuzzed(40);
    const [old, stateless] = [IN_SESSION, STATELESS].map((messages) =>
      fc.sample(mutated(messages.filter(leavesNothing)), {
        ...(seed === undefined ? {} : { seed }),
        numRuns,
      }),
    ) as [unknown[], unknown[]];
    let count = 0;
    const send = async (headers: WireRequest['headers'], message: unknown): Promise<void> => {
      count += 1;
      const { bytes, parsed } = bodyOf(withLongId(message, count));
      await lab.send({ headers, body: bytes }, { body: parsed, isOpenEnded: listens(parsed) });
    };
    const sendAll = async (): Promise<void> => {
      for (const message of old) await send(inSession(id), message);
      for (const message of old.slice(0, 10))
        await send(inSession(`${count}`.padEnd(ID_CHARACTERS, '-')), message);
      for (const message of stateless) await send(statelessHeaders(message), message);
    };
    for (let round = 0; round < WARM_UP; round += 1) await sendAll();
    const before = await liveBytes();
    const counted = count;
    for (let round = 0; round < ROUNDS; round += 1) await sendAll();
    const grown = ((await liveBytes()) - before) / (count - counted);
    expect(grown).toBeLessThan(BYTES_EACH);
    await lab.close();
  },
  fuzzTimeout(),
);

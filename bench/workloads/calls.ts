import type { ContenderName } from '../contenders/contender.ts';
import { repeatableRandom } from '../load/random.ts';
import { closeAll, type StateSession } from '../load/state-session.ts';
import { measureLoad, warmUp } from './measured-load.ts';
import type { Case, Workload } from './workload.ts';

/** Sessions that call tools, each one call after the other. */
export interface Calls {
  /** As many as work at the same time. */
  readonly sessions: number;
  /** The share of `store_value` among the calls; the rest is `get_value`. */
  readonly stores: number;
  readonly valueBytes: number;
}

/** Few enough to be cheap to fill, and enough that one does not always follow the other. */
const KEYS = 10;

export function callsWorkload(
  name: string,
  title: string,
  contenders: readonly ContenderName[],
  calls: Calls,
): Workload {
  return { name, title, cases: contenders.map((contender) => callsCase(contender, calls)) };
}

function callsCase(contender: ContenderName, calls: Calls): Case {
  return {
    name: contender,
    contender,
    prepare: async (environment) => {
      const running = await environment.contender(contender);
      const sessions = await Promise.all(Array.from({ length: calls.sessions }, () => running.openSession()));
      await Promise.all(sessions.map((session) => fill(session, calls.valueBytes)));
      const workers = sessions.map((session, n) => caller(session, keyNames(KEYS), calls, n));
      await warmUp(running, workers);
      return {
        measure: (seconds) => measureLoad(running, workers, seconds),
        close: () => closeAll(sessions),
      };
    },
  };
}

/** One worker's next call, of a kind and on a key that are drawn anew each time. */
export function caller(
  session: StateSession,
  keys: readonly string[],
  { stores, valueBytes }: Pick<Calls, 'stores' | 'valueBytes'>,
  seed: number,
): () => Promise<void> {
  const random = repeatableRandom(seed);
  return () => {
    const key = keys[Math.floor(random() * keys.length)] ?? '';
    return random() < stores ? session.store(key, valueBytes) : session.get(key);
  };
}

export function keyNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => `key-${n}`);
}

async function fill(session: StateSession, valueBytes: number): Promise<void> {
  for (const key of keyNames(KEYS)) await session.store(key, valueBytes);
}

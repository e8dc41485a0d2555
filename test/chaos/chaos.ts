import { startRandomProxy } from '../support/random-proxy.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { Chance } from './chance.ts';
import { violationsOf } from './checks.ts';
import { type Fault, FaultInjector } from './faults.ts';
import { Fleet } from './fleet.ts';
import { History, type Violation } from './history.ts';
import { Load } from './load.ts';
import { Network } from './network.ts';
import type { ChaosOptions } from './options.ts';

const INSTANCES = 3;

export interface ChaosResult {
  readonly history: History;
  readonly faults: ReadonlyMap<Fault, number>;
  readonly violations: readonly Violation[];
}

/**
 * Lets clients work on several instances while faults happen, then makes all whole, lets everything come to its
 * end, and checks what the clients saw.
 *
 * @param interrupted ends the run early
 * @param say told of each phase as it begins
 * @throws Error if the run itself failed, or was interrupted; nothing is left running then
 */
export async function runChaos(
  options: ChaosOptions,
  interrupted: AbortSignal,
  say: (phase: string) => void,
): Promise<ChaosResult> {
  const { store, seconds, seed } = options;
  const network = new Network(new Chance(seed, 'network'));
  const proxy = await startRandomProxy({ random: seededRandom(seed), harm: network.harm });
  let fleet: Fleet | undefined;
  let load: Load | undefined;
  const history = new History();
  try {
    fleet = await Fleet.start(store, INSTANCES, proxy);
    interrupted.throwIfAborted();
    load = await Load.open({ origin: proxy.origin, seed, history });
    const injector = new FaultInjector({ fleet, proxy, network }, options, new Chance(seed, 'faults'));
    say(`faults for ${seconds} s`);
    load.start();
    await injector.run(lasting(seconds, interrupted), interrupted);
    interrupted.throwIfAborted();
    say('all is made whole');
    await fleet.whole();
    say('everything works again');
    await load.recovered();
    say('every stream comes to its end');
    await load.stop();
    interrupted.throwIfAborted();
    say('all is read back');
    const finals = await load.finalReads();
    for (const problem of await fleet.stop()) history.violation('an instance', problem);
    return { history, faults: injector.tally, violations: violationsOf(history, finals) };
  } finally {
    await load?.close();
    await fleet?.close();
    await proxy.close();
  }
}

/** Aborted after so long, or when `interrupted` is. (A signal of `AbortSignal.any` may be collected with its timeout.) */
function lasting(seconds: number, interrupted: AbortSignal): AbortSignal {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), seconds * 1_000);
  const end = (): void => {
    clearTimeout(timer);
    over.abort();
  };
  interrupted.addEventListener('abort', end, { once: true });
  return over.signal;
}

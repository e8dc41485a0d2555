import { expect, vi } from 'vitest';
import { memoryStore } from '../../src/adapters/memory/store.ts';
import { StoreUnavailable } from '../../src/domain/errors.ts';
import { Liveness } from '../../src/domain/liveness.ts';
import { Once, type OnceCall } from '../../src/domain/once.ts';
import { SharedLog } from '../../src/domain/shared-log.ts';
import { SingleUse } from '../../src/domain/single-use.ts';
import type { SessionHandle } from '../../src/domain/stream-handle.ts';
import { newInstanceId } from '../../src/domain/stream-name.ts';
import { Streams } from '../../src/domain/streams.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Store } from '../../src/ports/store.ts';
import { HOUR } from '../contract/fixtures.ts';
import { FaultyStore } from './faulty-store.ts';
import { type StreamLab, streamLab } from './stream-lab.ts';

/** What one instance needs of a store to run calls once. */
export interface OnceInstance {
  readonly store: Store;
  readonly streams: Streams;
  readonly liveness: Liveness;
  readonly once: Once;
  readonly singleUse: SingleUse;
  readonly errors: unknown[];
}

/** An instance that keeps outcomes for an hour. */
export function onceInstance(store: Store, clock: Clock): OnceInstance {
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const { events, signals, instances, sessions: repository } = store;
  const streams = new Streams({ events, signals, clock, keep: 1_000, retentionMs: HOUR, onError });
  const liveness = new Liveness({ instance: newInstanceId(), instances, clock, onError });
  return {
    store,
    streams,
    liveness,
    once: new Once({ streams, liveness, idempotencyRetentionMs: HOUR }),
    singleUse: new SingleUse({ log: new SharedLog({ repository, streams, clock }), clock, onError }),
    errors,
  };
}

/** Three instances on one memory, of which the first has a faulty store. */
export interface OnceLab extends StreamLab {
  readonly handle: SessionHandle;
  readonly faults: FaultyStore;
  readonly a: OnceInstance;
  readonly b: OnceInstance;
  readonly c: OnceInstance;
  /** Begins a call, on `a` unless told otherwise, that takes until it is told what comes of it. */
  begin(call: OnceCall, instance?: OnceInstance): Promise<BegunCall>;
  /** As {@link begin}, but nobody hears of the instance any more. */
  beginAndDie(call: OnceCall, instance?: OnceInstance): Promise<BegunCall>;
  /** Everything that the log holds, as text. */
  logged(): string;
}

export interface BegunCall extends Omit<ReturnType<typeof slow>, 'operation'> {
  /** What its caller is given. */
  readonly first: Promise<unknown>;
}

export async function onceLab(): Promise<OnceLab> {
  const lab = await streamLab();
  const faults = new FaultyStore();
  const instance = (wrap = (store: Store) => store): OnceInstance =>
    onceInstance(wrap(memoryStore(lab.shared)), lab.clock);
  const a = instance((store) => faults.wrap(store));
  const handle = { session: lab.session, id: lab.call.id };
  const begin: OnceLab['begin'] = async (call, { once } = a) => {
    const { operation, ...settle } = slow();
    const first = once.run(handle, call, operation);
    first.catch(() => {});
    await lab.pass();
    expect(operation).toHaveBeenCalledTimes(1);
    return { ...settle, first };
  };
  return {
    ...lab,
    handle,
    faults,
    a,
    b: instance(),
    c: instance(),
    begin,
    beginAndDie: async (call, dying = a) => {
      const begun = await begin(call, dying);
      vi.spyOn(dying.store.instances, 'beat').mockRejectedValue(new StoreUnavailable());
      return begun;
    },
    logged: () => JSON.stringify([...lab.shared.data.sessions.values()].map(({ streams }) => [...streams])),
  };
}

/** An operation that must not run. */
export const never = (): Promise<never> => Promise.reject(new Error('it ran again'));

/** An operation that takes until it is told what comes of it. */
export function slow(): {
  readonly operation: () => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
} {
  let resolve: (value: unknown) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const done = new Promise<unknown>((...settle) => {
    [resolve, reject] = settle;
  });
  return { operation: vi.fn(() => done), resolve, reject };
}

/** An operation that gives the number of its run. */
export function counting(): () => Promise<number> {
  let runs = 0;
  return async () => {
    runs += 1;
    return runs;
  };
}

import { BEAT_MS } from '../../src/domain/liveness.ts';
import { sessionRef } from '../../src/domain/session.ts';
import { eventually, NOW, newSession } from '../contract/fixtures.ts';
import type { Charge } from '../support/capacity-meter.ts';
import { DYNAMODB_CAPABILITIES } from '../support/dynamodb.ts';
import { toolCall } from '../support/service.ts';
import { SessionClient, streamOf } from './clients.ts';
import { type Units, unitsOf } from './cost-row.ts';
import type { CostLab } from './lab.ts';

/** What goes on costing while nothing else happens. */
export interface HourlyCost {
  readonly name: string;
  /** In an hour. */
  readonly requests: number;
  readonly units: Units;
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** How often an idle stream is looked at, at the slowest pace. */
const LOOK_MS = DYNAMODB_CAPABILITIES.catchesUpWithinMs;
/** The partition of what all instances share. */
const SHARED = 'shared';

/** @returns what an instance costs in a lab in which nothing was ever published by `notify` */
export async function hourlyCostBeforeChanges(lab: CostLab): Promise<HourlyCost> {
  const { log } = await looksOfGetStream(lab);
  return hourly(LOOK_MS, 'the same, while nothing was ever published by `notify`', log);
}

/** @param lab in which something was */
export async function hourlyCosts(lab: CostLab, beforeChanges: HourlyCost): Promise<HourlyCost[]> {
  const { stream, log } = await looksOfGetStream(lab);
  const session = newSession();
  await lab.store.sessions.create(session);
  const used = { ref: session.ref, lastSeenAt: NOW + 1, expiresAt: session.expiresAt + 1 };
  const beat = await lab.charges(() => lab.store.instances.beat('0123456789abcdef', NOW));
  const touch = await lab.charges(() => lab.store.sessions.touch([used], NOW));
  return [
    hourly(LOOK_MS, 'an open GET stream, idle', stream),
    hourly(LOOK_MS, 'an instance with any such stream, or any listen stream of 2026-07-28', log),
    beforeChanges,
    hourly(LOOK_MS, 'a call with a stream, while it runs', await looksOfRunningCall(lab)),
    hourly(BEAT_MS, 'an instance that runs any such call, or one with an `idempotency_key`', beat),
    hourly(MINUTE_MS, 'a session that is used in every minute', touch),
  ];
}

/** What one look costs at a stream to which nobody appends, and at the log of changes that goes with it. */
async function looksOfGetStream(
  lab: CostLab,
): Promise<{ readonly stream: readonly Charge[]; readonly log: readonly Charge[] }> {
  const { mcp, request } = lab.streams({ isPolled: true });
  const client = await SessionClient.open(request);
  const ref = sessionRef(client.id);
  await client.listen();
  const looks = await looksAt(lab, ['standalone', 'changes']);
  await lab.overTime(mcp.close({ finishMs: 0 }));
  const of = (partition: string): readonly Charge[] =>
    lastLookOf(looks.filter((charge) => charge.partition === partition));
  return { stream: of(ref), log: of(SHARED) };
}

/** A call looks at its own stream, and whether something was posted for it elsewhere: in general nothing. */
async function looksOfRunningCall(lab: CostLab): Promise<readonly Charge[]> {
  const { mcp, request } = lab.streams({ isPolled: true });
  const client = await SessionClient.open(request);
  const call = toolCall('run', { steps: [{ say: 'that it runs' }, { gate: 'for ever' }] });
  streamOf(await client.post(call));
  const looks = await looksAt(lab, ['call', 'inbound']);
  await lab.overTime(mcp.close({ finishMs: 0 }));
  const own = looks.findLast((charge) => isLook(charge) && kindOf(charge) === 'call');
  return [...(own === undefined ? [] : [own]), ...(await lookAtEmptyStream(lab))];
}

/** Apart from all else: the looks at two streams of one session cannot be told from each other. */
async function lookAtEmptyStream(lab: CostLab): Promise<readonly Charge[]> {
  const session = newSession();
  await lab.store.sessions.create(session);
  const unwatch = lab.store.signals.watch({ ref: session.ref, stream: 'inbound' }, () => {});
  const looks = await looksAt(lab, ['inbound']);
  unwatch();
  return lastLookOf(looks);
}

/**
 * What is read until each of the streams of these kinds, and no other, has been looked at three times: the first look
 * finds what is there, which is then read, and that is over when the third one comes.
 */
async function looksAt(lab: CostLab, kinds: readonly string[]): Promise<readonly Charge[]> {
  await lab.meter.quiet();
  const before = lab.meter.charges.length;
  const looks = (): readonly Charge[] => lab.meter.charges.slice(before).filter(isLook);
  const areAll = (): boolean =>
    kinds.every((kind) => looks().filter((look) => kindOf(look) === kind).length >= 3);
  await eventually(areAll, 'three looks at each stream');
  await lab.meter.quiet();
  const other = looks().find((look) => !kinds.includes(String(kindOf(look))));
  if (other !== undefined) throw new Error(`${other.sortKey} is looked at, of which the table says nothing`);
  return lab.meter.charges.slice(before);
}

/** As `standalone`, or `call` of those that are named with more. */
function kindOf({ sortKey }: Charge): string | undefined {
  return /^event#([a-z]+)/.exec(sortKey ?? '')?.[1];
}

function lastLookOf(charges: readonly Charge[]): readonly Charge[] {
  return charges.slice(charges.findLastIndex(isLook));
}

/** All other queries are consistent. */
function isLook({ action, isConsistent }: Charge): boolean {
  return action === 'Query' && !isConsistent;
}

function hourly(everyMs: number, name: string, charges: readonly Charge[]): HourlyCost {
  const times = HOUR_MS / everyMs;
  const { readUnits, writeUnits } = unitsOf(charges);
  return {
    name,
    requests: charges.length * times,
    units: { readUnits: readUnits * times, writeUnits: writeUnits * times },
  };
}

import { FAULTS, type Fault } from './faults.ts';
import type { History, KeyRecord, Outcome, Violation } from './history.ts';
import { checkLinearizable, Undecided } from './linearizability.ts';
import type { FinalRead } from './load.ts';
import { type Finding, lostWrites, type RegisterOperation } from './register.ts';
import { checkCall, checkListening, checkOfficialCall } from './stream-checks.ts';

/** Below which a run proves nothing. */
const FEWEST_OK = 50;
const FEWEST_RESUMPTIONS = 5;
const FEWEST_UNKNOWN = 5;

/**
 * All promises that the history shows to be broken, or does not show to be kept.
 * @param mostSteps of the search for an order of one key's operations; as many as any real history takes by default
 */
export function violationsOf(
  history: History,
  finals: readonly FinalRead[],
  mostSteps?: number,
): readonly Violation[] {
  return [
    ...history.violations,
    ...keyViolations(history.keyRecords, finals, mostSteps),
    ...history.calls.flatMap(checkCall),
    ...history.listenings.flatMap((each) => checkListening(each, history.announcements)),
    ...history.officialCalls.flatMap(checkOfficialCall),
  ];
}

/** What happened too seldom for the run to mean anything. */
export function shortcomings(history: History, faults: ReadonlyMap<Fault, number>): readonly string[] {
  const unmet = FAULTS.filter((fault) => (faults.get(fault) ?? 0) === 0).map((fault) => `no ${fault}`);
  const sumOf = (outcome: Outcome): number =>
    [...history.tally.values()].reduce((sum, each) => sum + each[outcome], 0);
  return [
    ...unmet,
    ...(sumOf('ok') < FEWEST_OK ? ['too few successes'] : []),
    ...(resumptionsIn(history) < FEWEST_RESUMPTIONS ? ['too few resumptions'] : []),
    ...(sumOf('unknown') < FEWEST_UNKNOWN ? ['too few unknown outcomes'] : []),
  ];
}

export function resumptionsIn({ calls, listenings }: History): number {
  return [...calls, ...listenings].reduce((sum, { reading }) => sum + reading.resumptions, 0);
}

function keyViolations(
  records: readonly KeyRecord[],
  finals: readonly FinalRead[],
  mostSteps: number | undefined,
): readonly Violation[] {
  return finals.flatMap(({ session, key, operation: last, listed }) => {
    const ofKey = records.filter((each) => each.session === session && each.key === key);
    const shown = (finding: Finding): Violation => ({
      what: `${session} ${key}: ${finding.what}`,
      evidence: finding.operations.map((operation) => lineOf(ofKey, operation.id)),
    });
    if (last === undefined || listed === undefined)
      return [{ what: `${session} ${key}: it cannot be read when all is well again`, evidence: [] }];
    const operations = ofKey.map(({ operation }) => operation);
    return [...lostWrites(operations, last), ...linearizabilityOf(operations, mostSteps)].map(shown);
  });
}

/** What hides behind a history without a verdict must not hide what others show. */
function linearizabilityOf(
  operations: readonly RegisterOperation[],
  mostSteps: number | undefined,
): readonly Finding[] {
  try {
    return checkLinearizable(operations, mostSteps);
  } catch (error) {
    if (!(error instanceof Undecided)) throw error;
    return [{ what: `not shown to be linearizable: ${error.message}`, operations: [] }];
  }
}

function lineOf(records: readonly KeyRecord[], id: number): string {
  const record = records.find(({ operation }) => operation.id === id);
  if (record === undefined) return `operation ${id}`;
  const { invokedAt, endedAt, id: _, ...what } = record.operation;
  const until = Number.isFinite(endedAt) ? `${endedAt.toFixed(1)} ms` : 'never answered';
  return `${record.client} ${JSON.stringify(what)} from ${invokedAt.toFixed(1)} to ${until}`;
}

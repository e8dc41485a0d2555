import { type Fault, faultsDue } from './faults.ts';
import { type History, type KeyRecord, KINDS, type Kind, type Outcome, type Violation } from './history.ts';
import { checkLinearizable, Undecided } from './linearizability.ts';
import type { FinalRead } from './load.ts';
import type { ChaosOptions } from './options.ts';
import { type Finding, lostWrites, type RegisterOperation } from './register.ts';
import { checkCall, checkListening, checkOfficialCall } from './stream-checks.ts';
import { gapsAnnouncedIn, resumptionsIn } from './stream-tallies.ts';

/**
 * Successes of each kind in a minute, below which a run proves nothing: a third of what there are on the slower store,
 * where two cores have three times the work that they can do.
 */
const FEWEST_A_MINUTE: Readonly<Record<Kind, number>> = {
  store: 25,
  'store once': 40,
  'compare and set': 40,
  get: 60,
  delete: 10,
  list: 15,
  announce: 20,
  count: 10,
  cancel: 5,
  elicit: 5,
  'official count': 5,
};
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
export function shortcomings(
  history: History,
  faults: ReadonlyMap<Fault, number>,
  { store, seconds }: ChaosOptions,
): readonly string[] {
  const unmet = faultsDue(store, seconds).filter((fault) => (faults.get(fault) ?? 0) === 0);
  const countOf = (kind: Kind, outcome: Outcome): number => history.tally.get(kind)?.[outcome] ?? 0;
  const fewest = (kind: Kind): number => Math.floor((FEWEST_A_MINUTE[kind] * seconds) / 60);
  const scarce = KINDS.filter((kind) => countOf(kind, 'ok') < fewest(kind));
  const unknown = KINDS.reduce((sum, kind) => sum + countOf(kind, 'unknown'), 0);
  return [
    ...unmet.map((fault) => `no ${fault}`),
    ...scarce.map(
      (kind) => `${countOf(kind, 'ok')} successes of ${kind}, where ${fewest(kind)} are the fewest`,
    ),
    ...(resumptionsIn(history) < FEWEST_RESUMPTIONS ? ['too few resumptions'] : []),
    ...(gapsAnnouncedIn(history) === 0 ? ['no gap'] : []),
    ...(unknown < FEWEST_UNKNOWN ? ['too few unknown outcomes'] : []),
  ];
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

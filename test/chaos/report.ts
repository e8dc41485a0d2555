import type { StoreName } from '../../src/app/store-config.ts';
import { CALL_STOPPED } from './answers.ts';
import { type Fault, leftOutOn } from './faults.ts';
import { type History, KINDS, type Violation } from './history.ts';
import { gapsIn, messageOf } from './stream-events.ts';
import type { ReadingEnd } from './stream-records.ts';
import { gapsAnnouncedIn, replaysIn, resumptionsIn } from './stream-tallies.ts';

/** Of each violation. */
const MOST_EVIDENCE = 25;
const MOST_VIOLATIONS = 20;

/** What was done, and what went wrong on purpose. */
export function summaryLines(
  history: History,
  faults: ReadonlyMap<Fault, number>,
  store: StoreName,
): readonly string[] {
  const columns = (cells: readonly (string | number)[]): string =>
    `  ${String(cells[0]).padEnd(24)}${cells
      .slice(1)
      .map((cell) => String(cell).padStart(9))
      .join('')}`;
  const { calls } = history;
  const endedAs = (end: ReadingEnd): number => calls.filter(({ reading }) => reading.end === end).length;
  const stopped = calls.filter(({ reading }) =>
    reading.events.some((event) => messageOf(event)?.error?.message === CALL_STOPPED),
  );
  const replays = replaysIn(history);
  return [
    columns(['operations', 'ok', 'fail', 'unknown']),
    ...KINDS.map((kind) => {
      const { ok, fail, unknown } = history.tally.get(kind) ?? { ok: 0, fail: 0, unknown: 0 };
      return columns([kind, ok, fail, unknown]);
    }),
    columns(['faults']),
    ...[...faults].map(([fault, count]) => columns([fault, count])),
    ...leftOutOn(store).map((fault) => columns([fault, 'left out'])),
    columns(['streams']),
    columns(['of calls', calls.length]),
    columns(['read to their answer', endedAs('answered')]),
    columns(['ended for one that died', stopped.length]),
    columns(['broken before their id', endedAs('not resumable')]),
    columns(['resumptions', resumptionsIn(history)]),
    columns(['read a second time', replays.length]),
    columns(['gaps announced', gapsAnnouncedIn(history)]),
    columns(['of them, in those', replays.flatMap(({ events }) => gapsIn(events)).length]),
  ];
}

export function violationLines(violations: readonly Violation[]): readonly string[] {
  const lines = violations
    .slice(0, MOST_VIOLATIONS)
    .flatMap(({ what, evidence }) => [
      `VIOLATION ${what}`,
      ...evidence.slice(0, MOST_EVIDENCE).map((line) => `    ${line}`),
      ...(evidence.length > MOST_EVIDENCE ? [`    … and ${evidence.length - MOST_EVIDENCE} more`] : []),
    ]);
  const left = violations.length - MOST_VIOLATIONS;
  return left > 0 ? [...lines, `… and ${left} more violations`] : lines;
}

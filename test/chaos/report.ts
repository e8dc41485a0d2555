import { resumptionsIn } from './checks.ts';
import type { Fault } from './faults.ts';
import { type History, KINDS, type Violation } from './history.ts';

/** Of each violation. */
const MOST_EVIDENCE = 25;
const MOST_VIOLATIONS = 20;

/** What was done, and what went wrong on purpose. */
export function summaryLines(history: History, faults: ReadonlyMap<Fault, number>): readonly string[] {
  const columns = (cells: readonly (string | number)[]): string =>
    `  ${String(cells[0]).padEnd(24)}${cells
      .slice(1)
      .map((cell) => String(cell).padStart(9))
      .join('')}`;
  const answered = history.calls.filter(({ reading }) => reading.end === 'answered').length;
  const replays = history.calls.filter(({ replay }) => replay !== undefined).length;
  return [
    columns(['operations', 'ok', 'fail', 'unknown']),
    ...KINDS.map((kind) => {
      const { ok, fail, unknown } = history.tally.get(kind) ?? { ok: 0, fail: 0, unknown: 0 };
      return columns([kind, ok, fail, unknown]);
    }),
    columns(['faults']),
    ...[...faults].map(([fault, count]) => columns([fault, count])),
    columns(['streams']),
    columns(['of calls', history.calls.length]),
    columns(['read to their answer', answered]),
    columns(['resumptions', resumptionsIn(history)]),
    columns(['read a second time', replays]),
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

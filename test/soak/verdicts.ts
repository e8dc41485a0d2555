import { judgeFlatness } from './flatness.ts';
import { judgeKept, type Kept } from './kept.ts';
import type { Kind } from './metric.ts';
import type { Samples } from './sampling.ts';

/** `unclear`: too little happened, or too irregularly, to tell. */
export type Verdict = Kept['verdict'];

/** The worst of what was found. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return (['GROWS', 'unclear'] as const).find((bad) => verdicts.includes(bad)) ?? 'flat';
}

/** Judges each metric by the quarters of the run, and shows it. */
export function judgeByQuarters({ of, done }: Samples): Verdict {
  const opened = (share: number): number => done[Math.round(done.length * share)]?.sessions ?? 0;
  const sessions = opened(7 / 8) - opened(3 / 8);
  const verdicts = [...of].map(([metric, samples]) => ({
    ...judgeFlatness(samples, metric.tolerance, sessions),
    metric,
    most: Math.max(...samples),
  }));
  console.log('\nThe median of the second quarter and of the last, and what may lie between them:\n');
  console.log('| metric | second quarter | last quarter | growth | allowed | most | |');
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const { metric, before, after, allowed, most, isFlat } of verdicts) {
    const [first, last, growth, limit, top] = [before, after, after - before, allowed, most].map((number) =>
      `${number.toFixed(metric.unit === '' ? 0 : 1)} ${metric.unit}`.trim(),
    );
    console.log(
      `| ${metric.name} | ${first} | ${last} | ${growth} | ${limit} | ${top} | ${isFlat ? 'flat' : 'GROWS'} |`,
    );
  }
  return verdicts.every(({ isFlat }) => isFlat) ? 'flat' : 'GROWS';
}

/** What stayed of each kind for the sessions that came and went, on all instances together. */
export function keptOf({ of, done }: Samples): ReadonlyMap<Kind, Kept> {
  const totals = new Map<Kind, number[]>();
  for (const [{ kind }, samples] of of) {
    if (kind === undefined) continue;
    const total = totals.get(kind);
    totals.set(
      kind,
      samples.map((sample, index) => sample * kind.perMetricUnit + (total?.[index] ?? 0)),
    );
  }
  const sessions = done.map((by) => by.sessions);
  return new Map(
    [...totals].map(([kind, samples]) => [kind, judgeKept(samples, sessions, kind.allowed)] as const),
  );
}

/** Judges by the sessions that came and went, and shows it. */
export function judgeBySessions(samples: Samples): Verdict {
  const judged = samples.done.slice(Math.round(samples.done.length / 4));
  const during = (what: 'sessions' | 'calls'): number =>
    (judged.at(-1)?.[what] ?? 0) - (judged[0]?.[what] ?? 0);
  console.log(
    `\nWhat stayed of each session on both instances; ${during('sessions')} were judged, with ${during('calls')} calls:\n`,
  );
  console.log('| metric | for each session | give or take | allowed | |');
  console.log('| --- | --- | --- | --- | --- |');
  const kept = keptOf(samples);
  for (const [{ name, unit, allowed }, { perSession, uncertainty, verdict }] of kept) {
    const [each, more, limit] = [perSession, uncertainty, allowed].map((number) =>
      `${number.toFixed(unit === '' ? 3 : 0)} ${unit}`.trim(),
    );
    console.log(`| ${name} | ${each} | ${more} | ${limit} | ${verdict} |`);
  }
  return worst([...kept.values()].map(({ verdict }) => verdict));
}

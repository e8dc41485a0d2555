import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Options } from '../options.ts';
import { ROOT } from '../project.ts';
import { HEADLINE } from '../workloads/catalog.ts';
import { headlineChart } from './headline-chart.ts';
import { machine, versions } from './machine.ts';
import { medianOf, type WorkloadResult } from './results.ts';
import type { TargetResult } from './targets.ts';

const DIRECTORY = join(ROOT, 'bench', 'results');

/**
 * Keeps a run: `latest.json` and `chart.svg` are of the last whole one, `partial.json` and `partial.svg` of the last
 * other one.
 *
 * @returns the files' paths
 */
export async function writeResults(
  options: Options,
  startedAt: Date,
  results: readonly WorkloadResult[],
  targets: readonly TargetResult[],
): Promise<readonly string[]> {
  const isWhole = !options.quick && options.only.length === 0;
  const here = machine();
  const kept = {
    date: startedAt.toISOString(),
    minutes: Math.round((Date.now() - startedAt.getTime()) / 6_000) / 10,
    machine: here,
    versions: versions(),
    options,
    targets,
    workloads: results.map(withMedians),
  };
  const written: [string, string][] = [
    [isWhole ? 'latest.json' : 'partial.json', `${JSON.stringify(kept, withReadableNumbers, 2)}\n`],
  ];
  const picture = headlineChart(
    results.find(({ name }) => name === HEADLINE),
    here,
  );
  if (picture !== undefined) written.push([isWhole ? 'chart.svg' : 'partial.svg', picture]);
  await mkdir(DIRECTORY, { recursive: true });
  return Promise.all(
    written.map(async ([name, content]) => {
      const path = join(DIRECTORY, name);
      await writeFile(path, content);
      return path;
    }),
  );
}

function withMedians(workload: WorkloadResult) {
  return {
    ...workload,
    cases: workload.cases.map((each) => {
      const figures = [...new Set(each.rounds.flatMap((round) => Object.keys(round)))];
      const medians = Object.fromEntries(figures.map((figure) => [figure, medianOf(each, figure)]));
      return { ...each, medians };
    }),
  };
}

/** Seven digits say all that a measurement can. */
function withReadableNumbers(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(7)) : value;
}

import { HEADLINE, SESSION_SIZES } from '../workloads/catalog.ts';
import { sessionSizeName } from '../workloads/session-size.ts';
import { caseNamed, medianOf, ratioOf, type WorkloadResult } from './results.ts';
import { shown, table } from './table.ts';

/** What the project wants to reach. */
export interface Target {
  readonly what: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** `undefined` where this run did not measure it. */
  measured(results: readonly WorkloadResult[]): number | undefined;
}

export interface TargetResult {
  readonly what: string;
  /** Such as `≥ 2`. */
  readonly target: string;
  readonly measured: number | undefined;
  /** `undefined` where it was not measured. */
  readonly met: boolean | undefined;
}

export const TARGETS: readonly Target[] = [
  {
    what: 'PostgreSQL, 50 sessions, calls/s, × SDK in memory',
    atLeast: 2,
    measured: comparison(HEADLINE, 'postgres', 'sdk-json', 'calls_per_s'),
  },
  {
    what: 'PostgreSQL, 3 instances behind a proxy, wrong answers',
    atMost: 0,
    // One would have failed the run.
    measured: (results) =>
      medianIn(results, HEADLINE, 'postgres-3', 'calls_per_s') === undefined ? undefined : 0,
  },
  {
    what: 'PostgreSQL, 1 session, calls/s, × SDK in memory',
    atLeast: 0.8,
    measured: comparison('mix-1', 'postgres', 'sdk-json', 'calls_per_s'),
  },
  {
    what: 'memory, 50 sessions, calls/s, × SDK in memory',
    atLeast: 3,
    measured: comparison(HEADLINE, 'memory', 'sdk-json', 'calls_per_s'),
  },
  {
    what: 'PostgreSQL, server CPU a call, × SDK in memory',
    atMost: 0.5,
    measured: comparison(HEADLINE, 'postgres', 'sdk-json', 'cpu_us_per_call'),
  },
  {
    what: 'memory, server CPU a call, × SDK in memory',
    atMost: 0.33,
    measured: comparison(HEADLINE, 'memory', 'sdk-json', 'cpu_us_per_call'),
  },
  sessionSizeTarget('PostgreSQL', 'postgres'),
  sessionSizeTarget('DynamoDB emulator', 'dynamodb'),
  {
    what: 'PostgreSQL, time of a call among 100,000 sessions, × among 100',
    atMost: 1.1,
    measured: comparison('sessions', 'postgres-100', 'postgres-100k', 'calls_per_s'),
  },
  {
    what: 'PostgreSQL, notification from instance A to B, p50, × bare insert, pg_notify, commit',
    atMost: 3,
    measured: (results) => medianIn(results, 'delivery', 'postgres', 'x_bare'),
  },
  {
    what: 'PostgreSQL, memory of an idle GET stream, KB',
    atMost: 25,
    measured: (results) => medianIn(results, 'idle-streams', 'postgres', 'stream_kb'),
  },
  {
    // One look at all streams together, one beat of the listening connection, one batched touch.
    what: 'PostgreSQL, SQL statements in 10 s of an instance with 1,000 idle GET streams',
    atMost: 3,
    measured: (results) => medianIn(results, 'idle-statements', 'postgres', 'idle_statements'),
  },
  {
    what: 'npm run dev:postgres on warm data, ms to its ready line',
    atMost: 2_000,
    measured: (results) => medianIn(results, 'start', 'npm run dev:postgres', 'start_ms'),
  },
];

export function evaluate(
  targets: readonly Target[],
  results: readonly WorkloadResult[],
): readonly TargetResult[] {
  return targets.map(({ what, atLeast, atMost, measured: measure }) => {
    const measured = measure(results);
    const met =
      measured === undefined
        ? undefined
        : measured >= (atLeast ?? Number.NEGATIVE_INFINITY) &&
          measured <= (atMost ?? Number.POSITIVE_INFINITY);
    const target = atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
    return { what, target, measured, met };
  });
}

export function targetTable(results: readonly TargetResult[]): string {
  const rows = results.map(({ what, target, measured, met }) => [
    what,
    target,
    shown(measured),
    met === undefined ? 'not measured' : met ? 'met' : 'missed',
  ]);
  return table(['target', 'wanted', 'measured', ''], rows);
}

/** A target about the ratio of one case's figure to another's. */
export function comparison(
  workload: string,
  name: string,
  reference: string,
  figure: string,
): Target['measured'] {
  return (results) => {
    const result = results.find((each) => each.name === workload);
    return ratioOf(caseNamed(result, name), caseNamed(result, reference), figure);
  };
}

/** The time of a call is the inverse of the rate. */
function sessionSizeTarget(store: string, contender: 'postgres' | 'dynamodb'): Target {
  const { least, most } = SESSION_SIZES;
  const [few, many] = [sessionSizeName(contender, least), sessionSizeName(contender, most)];
  return {
    what: `${store}, time of a call with 10,000 keys, × with 1`,
    atMost: 1.1,
    measured: comparison('keys', few, many, 'calls_per_s'),
  };
}

/** One figure of one case. */
export function medianIn(
  results: readonly WorkloadResult[],
  workload: string,
  name: string,
  figure: string,
): number | undefined {
  const result = results.find((each) => each.name === workload);
  return medianOf(caseNamed(result, name), figure);
}

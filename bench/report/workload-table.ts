import { type CaseResult, caseNamed, medianOf, ratioOf, type WorkloadResult } from './results.ts';
import { shown, table } from './table.ts';

interface Column {
  readonly head: string;
  cell(result: CaseResult, workload: WorkloadResult): number | undefined;
}

/** Of what calls tools; other figures get a column each, named as they are. */
const COLUMNS: readonly Column[] = [
  { head: 'calls/s', cell: (result) => medianOf(result, 'calls_per_s') },
  { head: '× sdk-json', cell: (result, workload) => speed(result, workload, 'sdk-json') },
  { head: '× sdk-sse', cell: (result, workload) => speed(result, workload, 'sdk-sse') },
  { head: 'CPU µs/call', cell: (result) => medianOf(result, 'cpu_us_per_call') },
  {
    head: 'CPU × sdk-json',
    cell: (result, workload) => ratioOf(result, caseNamed(workload, 'sdk-json'), 'cpu_us_per_call'),
  },
  { head: 'p50 ms', cell: (result) => medianOf(result, 'p50_ms') },
  { head: 'p99 ms', cell: (result) => medianOf(result, 'p99_ms') },
  { head: 'peak MiB', cell: (result) => medianOf(result, 'peak_mib') },
];

const SHOWN_FIGURES = new Set(['calls', 'calls_per_s', 'cpu_us_per_call', 'p50_ms', 'p99_ms', 'peak_mib']);

/** One row for each case; columns without any figure are left out. */
export function workloadTable(workload: WorkloadResult): string {
  const others = new Set(
    workload.cases.flatMap(({ rounds }) => rounds.flatMap((round) => Object.keys(round))),
  );
  const columns = [
    ...COLUMNS,
    ...[...others]
      .filter((name) => !SHOWN_FIGURES.has(name))
      .map((name) => ({ head: name, cell: (result: CaseResult) => medianOf(result, name) })),
  ].filter((column) => workload.cases.some((each) => column.cell(each, workload) !== undefined));
  const rows = workload.cases.map((each) => [
    each.name,
    ...columns.map((column) => shown(column.cell(each, workload))),
  ]);
  return table([workload.name, ...columns.map(({ head }) => head)], rows);
}

function speed(result: CaseResult, workload: WorkloadResult, reference: string): number | undefined {
  return ratioOf(result, caseNamed(workload, reference), 'calls_per_s');
}

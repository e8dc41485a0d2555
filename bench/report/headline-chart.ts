import { CONTENDERS } from '../contenders/catalog.ts';
import type { ContenderName } from '../contenders/contender.ts';
import { type Bar, chart } from './chart.ts';
import { type CaseResult, caseNamed, medianOf, ratioOf, type WorkloadResult } from './results.ts';
import { shown } from './table.ts';

const REFERENCE = 'sdk-json';

/** The picture of the rates of one workload; `undefined` where nothing of it was measured. */
export function headlineChart(
  workload: WorkloadResult | undefined,
  machine: { readonly cpu: string; readonly cores: number; readonly node: string },
): string | undefined {
  if (workload === undefined) return undefined;
  const reference = caseNamed(workload, REFERENCE);
  const bars = workload.cases.map((each) => barOf(each, reference)).filter((bar) => bar !== undefined);
  if (bars.length === 0) return undefined;
  const subtitle = `${workload.title}; Node ${machine.node}, ${machine.cores} cores; × ${REFERENCE}`;
  return chart('Tool calls per second', subtitle, bars);
}

function barOf(result: CaseResult, reference: CaseResult | undefined): Bar | undefined {
  const value = medianOf(result, 'calls_per_s');
  if (value === undefined) return undefined;
  const ratio = ratioOf(result, reference, 'calls_per_s');
  return {
    label: CONTENDERS[result.contender as ContenderName].label,
    value,
    note: `${Math.round(value).toLocaleString('en-US')}${ratio === undefined ? '' : `  (${shown(ratio)} ×)`}`,
    kind: result.name === 'bare' ? 'ceiling' : result.name.startsWith('sdk') ? 'reference' : 'own',
  };
}

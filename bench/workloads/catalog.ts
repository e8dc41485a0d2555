import type { ContenderName } from '../contenders/contender.ts';
import { callsWorkload } from './calls.ts';
import { DELIVERY } from './delivery.ts';
import { IDLE_STATEMENTS } from './idle-statements.ts';
import { IDLE_STREAMS } from './idle-streams.ts';
import { REPLAY } from './replay.ts';
import type { Workload } from './workload.ts';

const ALL: readonly ContenderName[] = [
  'bare',
  'sdk-json',
  'sdk-sse',
  'memory',
  'postgres',
  'postgres-3',
  'dynamodb',
  'sdk2-2026',
  'postgres-2026',
];

/** The workload that the chart and most targets are about. */
export const HEADLINE = 'mix-50';

export const WORKLOADS: readonly Workload[] = [
  {
    ...callsWorkload(HEADLINE, '50 sessions, half store_value, half get_value, 100 B', ALL, {
      sessions: 50,
      stores: 0.5,
      valueBytes: 100,
    }),
    quick: true,
  },
  {
    ...callsWorkload('mix-1', '1 session, half store_value, half get_value, 100 B', ALL, {
      sessions: 1,
      stores: 0.5,
      valueBytes: 100,
    }),
    quick: true,
  },
  IDLE_STREAMS,
  IDLE_STATEMENTS,
  DELIVERY,
  REPLAY,
];

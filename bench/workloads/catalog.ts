import type { ContenderName } from '../contenders/contender.ts';
import { callsWorkload } from './calls.ts';
import { DELIVERY } from './delivery.ts';
import { IDLE_STATEMENTS } from './idle-statements.ts';
import { IDLE_STREAMS } from './idle-streams.ts';
import { initializeStorm } from './initialize-storm.ts';
import { REPLAY } from './replay.ts';
import { sessionSizeWorkload } from './session-size.ts';
import { startTimeWorkload } from './start-time.ts';
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
const STORES: readonly ContenderName[] = ['sdk-json', 'memory', 'postgres', 'dynamodb'];
const ONE_SESSION: readonly ContenderName[] = ['sdk-json', 'memory', 'postgres'];

/** The workload that the chart and most targets are about. */
export const HEADLINE = 'mix-50';

/** How many keys a session has. */
export const SESSION_SIZES = { least: 1, middle: 100, most: 10_000 } as const;

const MANY = { sessions: 50, valueBytes: 100 } as const;
const ONE = { sessions: 1, valueBytes: 100 } as const;

/** In the order in which they run: the first finds servers that have done nothing yet. */
export const WORKLOADS: readonly Workload[] = [
  {
    ...callsWorkload(HEADLINE, '50 sessions, half store_value, half get_value, 100 B', ALL, {
      ...MANY,
      stores: 0.5,
    }),
    quick: true,
  },
  {
    ...callsWorkload('mix-1', '1 session, half store_value, half get_value, 100 B', ALL, {
      ...ONE,
      stores: 0.5,
    }),
    quick: true,
  },
  callsWorkload('store-50', '50 sessions, store_value, 100 B', STORES, { ...MANY, stores: 1 }),
  callsWorkload('get-50', '50 sessions, get_value, 100 B', STORES, { ...MANY, stores: 0 }),
  callsWorkload('store-1', '1 session, store_value, 100 B', ONE_SESSION, { ...ONE, stores: 1 }),
  callsWorkload('get-1', '1 session, get_value, 100 B', ONE_SESSION, { ...ONE, stores: 0 }),
  callsWorkload('mix-50-10kb', '50 sessions, half store_value, half get_value, 10 KB', STORES, {
    sessions: 50,
    valueBytes: 10_000,
    stores: 0.5,
  }),
  sessionSizeWorkload(
    'keys',
    'sessions with many keys, half store_value, half get_value, 100 B',
    Object.values(SESSION_SIZES),
    [
      { contender: 'memory', sessions: 2 },
      { contender: 'postgres', sessions: 10 },
      { contender: 'dynamodb', sessions: 2 },
    ],
  ),
  callsWorkload(
    'sessions',
    '50 sessions among 100 and 100,000 others, half store_value, half get_value, 100 B',
    ['postgres-100', 'postgres-100k'],
    { ...MANY, stores: 0.5 },
  ),
  initializeStorm(
    'initialize',
    '50 connections that open sessions: initialize, then notifications/initialized',
    ['sdk-json', 'sdk-sse', 'memory', 'postgres'],
    50,
  ),
  startTimeWorkload('start', 'start on a warm data directory', 5),
  IDLE_STREAMS,
  IDLE_STATEMENTS,
  DELIVERY,
  REPLAY,
];

import { eventually } from '../contract/fixtures.ts';
import type { Server } from '../e2e/servers.ts';
import type { Kind, Metric } from './metric.ts';

/** As `serve.ts` says it, in bytes; memory right after a garbage collection. */
interface Held {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly descriptors: number;
  /** Those that keep the process alive; what others hold is in the heap. */
  readonly timers: number;
}

const MIB = 2 ** 20;
/** On a busy machine a garbage collection takes its time. */
const PATIENCE_MS = 60_000;

const HEAP: Kind = { name: 'heap', unit: 'B', perMetricUnit: MIB, allowed: 512 };
// One of ten sessions, or the 20th part of its calls, is enough.
const DESCRIPTORS: Kind = { name: 'file descriptors', unit: '', perMetricUnit: 1, allowed: 0.02 };
const TIMERS: Kind = { name: 'timers', unit: '', perMetricUnit: 1, allowed: 0.05 };

/** What an instance holds. The first metric asks it, and the others are of the same moment. */
export function processMetrics(name: string, { process: server }: Server): readonly Metric[] {
  let held: Held | undefined;
  const said = (): string[] => server.stdout.match(/^held .*\n/gm) ?? [];
  const ask = async (): Promise<Held> => {
    const before = said().length;
    server.child.kill('SIGUSR2');
    await eventually(() => said().length > before, `${name} says what it holds`, PATIENCE_MS);
    return JSON.parse((said().at(-1) ?? '').slice('held '.length)) as Held;
  };
  const of = (what: keyof Held): number => held?.[what] ?? Number.NaN;
  return [
    {
      name: `${name}: heap`,
      unit: 'MiB',
      // What is remembered of sessions, up to its limit, is 1 KB of each.
      tolerance: { share: 0.04, amount: 3 },
      kind: HEAP,
      sample: async () => {
        held = await ask();
        return of('heapUsed') / MIB;
      },
    },
    {
      name: `${name}: buffers`,
      unit: 'MiB',
      tolerance: { share: 0.1, amount: 3 },
      sample: async () => of('external') / MIB,
    },
    {
      name: `${name}: resident memory`,
      unit: 'MiB',
      tolerance: { share: 0.1, amount: 15 },
      sample: async () => of('rss') / MIB,
    },
    {
      name: `${name}: file descriptors`,
      unit: '',
      // Most are the clients' connections, which come and go.
      tolerance: { share: 0.1, amount: 25 },
      kind: DESCRIPTORS,
      sample: async () => of('descriptors'),
    },
    {
      name: `${name}: timers`,
      unit: '',
      tolerance: { share: 0.1, amount: 50 },
      kind: TIMERS,
      sample: async () => of('timers'),
    },
  ];
}

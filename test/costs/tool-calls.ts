import { times } from '../contract/fixtures.ts';
import { HandleClient, SessionClient, type StateClient } from './clients.ts';
import { type CostRow, type Measure, rowOf, SIZES } from './cost-row.ts';
import type { CostLab, Send } from './lab.ts';

/** One tool call whose cost is asked for, on a session that was used a moment ago. */
interface ToolCall {
  readonly name: string;
  /** What is there already, and is not counted. */
  readonly before?: (client: StateClient, value: string) => Promise<unknown>;
  /** Milliseconds since then. */
  readonly after?: number;
  readonly call: (client: StateClient, value: string) => Promise<unknown>;
}

const key = 'key';

const store = (client: StateClient, value: string, rest: object = {}): Promise<unknown> =>
  client.call('store_value', { key, value, ...rest });
const get = (client: StateClient): Promise<unknown> => client.call('get_value', { key });

/** Longer than a session's record is remembered. */
const FORGOTTEN_MS = 501;
/** Longer than the use of a session goes without being written down. */
const TOUCH_DUE_MS = 60_001;

const CALLS: readonly ToolCall[] = [
  { name: '`store_value`, over a value', before: store, call: store },
  {
    name: '`store_value`, with `expected_version`',
    before: store,
    call: (client, value) => store(client, value, { expected_version: 1 }),
  },
  { name: '`store_value`, a new key', call: store },
  {
    name: '`store_value`, refused for its `expected_version`',
    before: store,
    call: (client, value) => client.refused('store_value', { key, value, expected_version: 7 }),
  },
  {
    name: '`store_value`, with an `idempotency_key`',
    before: store,
    call: (client, value) => store(client, value, { idempotency_key: 'once' }),
  },
  {
    name: 'that call, repeated',
    before: (client, value) => store(client, value, { idempotency_key: 'once' }),
    call: (client, value) => store(client, value, { idempotency_key: 'once' }),
  },
  { name: '`get_value`', before: store, call: get },
  { name: '`get_value`, nothing there', call: get },
  { name: '`delete_value`', before: store, call: (client) => client.call('delete_value', { key }) },
  { name: '`delete_value`, nothing there', call: (client) => client.call('delete_value', { key }) },
  {
    name: '`list_values`, 10 keys',
    before: (client, value) =>
      Promise.all(times(10, (index) => client.call('store_value', { key: `key-${index}`, value }))),
    call: (client) => client.call('list_values'),
  },
  { name: '`session_info`', call: (client) => client.call('session_info') },
  { name: '`open_session`', call: (client) => client.call('open_session') },
  {
    name: '`open_session`, with a value',
    call: (client, value) => client.call('open_session', { values: { [key]: value } }),
  },
  { name: '`store_value`, over a value, after 0.5 s', before: store, after: FORGOTTEN_MS, call: store },
  { name: '`get_value`, after 0.5 s', before: store, after: FORGOTTEN_MS, call: get },
  { name: '`store_value`, over a value, after a minute', before: store, after: TOUCH_DUE_MS, call: store },
  { name: '`get_value`, after a minute', before: store, after: TOUCH_DUE_MS, call: get },
];

/** Where a call costs the same in both eras, once for both. */
export async function toolCallCosts(lab: CostLab): Promise<CostRow[]> {
  const send = lab.service();
  const legacy = (): Promise<StateClient> => SessionClient.open(send);
  const modern = (): Promise<StateClient> => HandleClient.open(send);
  const rows: CostRow[] = [];
  for (const call of CALLS) {
    rows.push(...(await inBothEras(call.name, costOf(lab, call, legacy), costOf(lab, call, modern))));
  }
  const closing = [closingCost(lab, legacy), closingCost(lab, modern)] as const;
  rows.push(...(await inBothEras('`close_session`, one value', ...closing)));
  return [...rows, await listingCost(lab, lab.ownedSessions())];
}

function costOf(lab: CostLab, { before, after, call }: ToolCall, open: () => Promise<StateClient>): Measure {
  return async (value) => {
    const client = await open();
    await before?.(client, value);
    await lab.meter.quiet();
    if (after !== undefined) await lab.clock.advance(after);
    return lab.charges(() => call(client, value));
  };
}

function closingCost(lab: CostLab, open: () => Promise<StateClient>): Measure {
  return async (value) => {
    const client = await open();
    const { session_id } = await client.call('open_session', { values: { [key]: value } });
    return lab.charges(() => lab.overTime(client.call('close_session', { session_id })));
  };
}

async function listingCost(lab: CostLab, send: Send): Promise<CostRow> {
  const client = await HandleClient.open(send);
  for (let opened = 1; opened < 10; opened += 1) await client.call('open_session');
  return rowOf('`list_sessions`, 10 sessions', () => lab.charges(() => client.call('list_sessions')));
}

/** Whether they are alike is asked of the largest value only: in what they differ, they differ for all sizes. */
async function inBothEras(name: string, legacy: Measure, modern: Measure): Promise<CostRow[]> {
  const row = await rowOf(name, legacy);
  const sample = await rowOf(name, modern, SIZES.slice(-1));
  if (JSON.stringify(sample) === JSON.stringify({ ...row, bySize: row.bySize.slice(-1) })) return [row];
  return [{ ...row, name: `${name}, up to 2025-11-25` }, await rowOf(`${name}, 2026-07-28`, modern)];
}

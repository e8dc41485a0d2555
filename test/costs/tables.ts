import { type CostRow, SIZES, type Units } from './cost-row.ts';
import type { Costs } from './count.ts';
import type { HourlyCost } from './hours.ts';

/** US dollars for a million request units: see the page that the tables are in. */
const DOLLARS = { read: 0.125, write: 0.625 };

/** Of an hour that costs so much a thousand are told, of an operation a million. */
const HOURS_PER_MILLION = 1_000;

/** The tables of `docs/costs.md`. */
export function costTables({ toolCalls, protocol, streams, hours }: Costs): string {
  return [
    '### A million calls',
    'Half of them `store_value` over a value, half `get_value`; in dollars.',
    millionCalls(toolCalls),
    '### Tool calls',
    rowsTable('call, with values of', toolCalls),
    '### Sessions of the revisions up to 2025-11-25',
    rowsTable('with values of', protocol),
    '### Streams',
    rowsTable('with messages of', streams),
    '### What time costs',
    hoursTable(hours),
  ].join('\n\n');
}

/** By how long ago the session was used before. */
const PACES = [
  ['each within 0.5 s after another one of its session', ''],
  ['later, but within a minute', ', after 0.5 s'],
  ['later than a minute', ', after a minute'],
] as const;

function millionCalls(toolCalls: readonly CostRow[]): string {
  const rows = PACES.map(([pace, suffix]) => {
    const stored = named(toolCalls, `\`store_value\`, over a value${suffix}`).bySize.map(dollars);
    const got = named(toolCalls, `\`get_value\`${suffix}`).bySize.map(dollars);
    return [pace, ...SIZES.map((_, size) => amount(((stored[size] ?? 0) + (got[size] ?? 0)) / 2))];
  });
  return table(['calls', ...SIZES.map(({ label }) => label)], rows);
}

function rowsTable(of: string, rows: readonly CostRow[]): string {
  return table(
    [of, 'requests', ...SIZES.map(({ label }) => label), 'dollars a million'],
    rows.map(({ name, requests, bySize }) => [
      name,
      requests,
      ...bySize.map(inWords),
      oneOrAll(bySize.map((units) => amount(dollars(units)))),
    ]),
  );
}

function hoursTable(hours: readonly HourlyCost[]): string {
  return table(
    ['an hour of', 'requests', 'units', 'dollars a thousand hours'],
    hours.map(({ name, requests, units }) => [
      name,
      requests.toLocaleString('en-US'),
      inWords(units),
      amount(dollars(units) / HOURS_PER_MILLION),
    ]),
  );
}

function named(rows: readonly CostRow[], name: string): CostRow {
  const row = rows.find((each) => each.name === name);
  if (row === undefined) throw new Error(`nothing was counted of ${name} for both eras`);
  return row;
}

function oneOrAll(amounts: readonly string[]): string {
  return new Set(amounts).size === 1 ? amounts.slice(0, 1).join() : amounts.join(' / ');
}

/** Of a million. */
function dollars({ readUnits, writeUnits }: Units): number {
  return readUnits * DOLLARS.read + writeUnits * DOLLARS.write;
}

/** At least two decimals, and as many more as there are, up to four. */
function amount(dollarsOf: number): string {
  return dollarsOf.toFixed(4).replace(/0{1,2}$/, '');
}

function inWords({ readUnits, writeUnits }: Units): string {
  const reads = readUnits === 0 ? [] : [`${readUnits.toLocaleString('en-US')} R`];
  const writes = writeUnits === 0 ? [] : [`${writeUnits.toLocaleString('en-US')} W`];
  return [...reads, ...writes].join(' + ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

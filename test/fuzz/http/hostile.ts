import fc from 'fast-check';

/** Names that are members of every object, or mean something to JSON-RPC, MCP or a terminal. */
const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'then',
  'toJSON',
  'length',
  'id',
  'method',
  '_meta',
  'progressToken',
  '',
  '\u0000',
  '\u2028',
  '\ud800',
  'a\r\nb',
];

/** A placeholder, since neither fast-check nor `JSON.stringify` can hold a value that is nested so deeply. */
const DEEP = /"deep in (arrays|objects): (\d+)"/g;
const LONG = /"long: (\d+)"/g;

const DEPTHS = [10, 99, 100, 101, 128, 129, 1_000, 5_000, 20_000, 200_000];
const LENGTHS = [1_024, 1_025, 65_536, 262_144, 1_000_000];

/** A value of any type and size, at the edges above all. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom<unknown>(
      ...[null, true, false, 0, -0, -1, 1.5, 1e308, 2 ** 31, 2 ** 53, -(2 ** 53) - 2, [], {}, [[]], [null]],
    ),
  },
  { weight: 3, arbitrary: fc.constantFrom(...NAMES, '2026-07-28', '2025-03-26', '1', '-1', 'ref:x') },
  { weight: 3, arbitrary: fc.jsonValue({ stringUnit: 'binary' }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('arrays', 'objects'), fc.constantFrom(...DEPTHS))
      .map(([of, depth]) => `deep in ${of}: ${depth}`),
  },
  { weight: 1, arbitrary: fc.constantFrom(...LENGTHS).map((length) => `long: ${length}`) },
);

/** Ids that are none, or nearly. */
const hostileId = fc.oneof(
  fc.constantFrom<unknown>(
    ...[
      null,
      true,
      0,
      -0,
      -1,
      1.5,
      1e300,
      2 ** 53 - 1,
      2 ** 53,
      -(2 ** 53),
      '',
      '7',
      '__proto__',
      '\ud800',
      [7],
      {},
    ],
  ),
  fc.constantFrom(1_024, 1_025, 1_000_000).map((length) => `long: ${length}`),
  fc.string({ unit: 'binary' }),
  fc.double(),
);

type Change =
  | { readonly kind: 'replace' | 'add'; readonly name: string; readonly value: unknown }
  | { readonly kind: 'remove' | 'wrap' };

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('replace' as const),
      name: fc.constant(''),
      value: hostileValue,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      name: fc.constantFrom(...NAMES),
      value: hostileValue,
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom({ kind: 'remove' as const }, { kind: 'wrap' as const }) },
);

/** `messages` with something wrong in up to three places, wherever that is. */
export function mutated(messages: readonly unknown[]): fc.Arbitrary<unknown> {
  const changes = fc.array(fc.tuple(fc.nat(), change), { maxLength: 3 });
  const id = fc.option(hostileId, { nil: undefined, freq: 3 });
  return fc.tuple(fc.constantFrom(...messages), id, changes).map(([message, id, each]) => {
    const named = id === undefined ? message : { ...Object(message), id };
    return each.reduce((value: unknown, [at, what]) => changed(value, at, what), named);
  });
}

/** JSON text, with all that the placeholders stand for. */
export function textOf(value: unknown): string {
  return (JSON.stringify(value) ?? 'null')
    .replace(DEEP, (_, of: string, depth: string) =>
      of === 'arrays'
        ? '['.repeat(Number(depth)) + ']'.repeat(Number(depth))
        : `${'{"a":'.repeat(Number(depth))}1${'}'.repeat(Number(depth))}`,
    )
    .replace(LONG, (_, length: string) => `"${'x'.repeat(Number(length))}"`);
}

type Path = readonly string[];

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([name, member]) => pathsOf(member, [...path, name]))];
}

function changed(value: unknown, at: number, what: Change): unknown {
  const paths = pathsOf(value);
  return changedAt(value, paths[at % paths.length] as Path, what);
}

function changedAt(value: unknown, [name, ...rest]: Path, what: Change): unknown {
  if (name !== undefined) {
    const entries = Object.entries(value as object);
    const isRemoved = rest.length === 0 && what.kind === 'remove';
    const left = isRemoved ? entries.filter(([each]) => each !== name) : entries;
    const members = left.map(([each, member]): [string, unknown] => [
      each,
      each === name ? changedAt(member, rest, what) : member,
    ]);
    return Array.isArray(value) ? members.map(([, member]) => member) : Object.fromEntries(members);
  }
  switch (what.kind) {
    case 'replace':
      return what.value;
    case 'wrap':
      return [value];
    case 'add':
      // Not a spread, nor an assignment: those take `__proto__` for the prototype.
      return Object.fromEntries([...Object.entries(Object(value)), [what.name, what.value]]);
    case 'remove':
      return undefined;
  }
}

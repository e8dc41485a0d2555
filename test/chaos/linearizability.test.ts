import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkLinearizable } from './linearizability.ts';
import { lostWrites, type RegisterOperation } from './register.ts';

const NEVER = Number.POSITIVE_INFINITY;

type Untimed<T> = T extends unknown ? Omit<T, 'id' | 'invokedAt' | 'endedAt'> : never;
type What = Untimed<RegisterOperation>;
type Timed = [invokedAt: number, endedAt: number, what: What];

const write = (value: string, version?: number, expected?: number): What => ({
  kind: 'write',
  value,
  version,
  expected,
});
const read = (version: number, value?: string): What => ({ kind: 'read', version, value });
const remove = (deleted?: boolean): What => ({ kind: 'delete', deleted });

const historyOf = (...operations: Timed[]): RegisterOperation[] =>
  operations.map(([invokedAt, endedAt, what], id) => ({ id, invokedAt, endedAt, ...what }));

const problems = (...operations: Timed[]): string[] =>
  checkLinearizable(historyOf(...operations)).map(({ what }) => what.split(':')[0] as string);

const NOT_LINEARIZABLE = ['not linearizable'];

describe('the check of a key’s history', () => {
  // Catches: a checker that cries wolf, so that its findings would be explained away.
  it.each<[string, Timed[]]>([
    ['nothing at all', []],
    [
      'one after the other',
      [
        [0, 1, write('a', 1)],
        [2, 3, read(1, 'a')],
        [4, 5, write('b', 2, 1)],
        [6, 7, read(2, 'b')],
      ],
    ],
    [
      'a read beside a write that sees it',
      [
        [0, 9, write('a', 1)],
        [1, 2, read(1, 'a')],
      ],
    ],
    [
      'a read beside a write that does not',
      [
        [0, 9, write('a', 1)],
        [1, 2, read(0)],
      ],
    ],
    [
      'versions in another order than the invocations',
      [
        [0, 9, write('b', 2)],
        [1, 8, write('a', 1)],
      ],
    ],
    [
      'a deletion, and versions that go on',
      [
        [0, 1, write('a', 1)],
        [2, 3, remove(true)],
        [4, 5, read(0)],
        [6, 7, write('b', 2, 0)],
      ],
    ],
    [
      'a deletion of nothing',
      [
        [0, 1, remove(false)],
        [2, 3, write('a', 1)],
      ],
    ],
    [
      'an unknown write that took effect late',
      [
        [0, NEVER, write('a')],
        [1, 2, read(0)],
        [3, 4, read(1, 'a')],
      ],
    ],
    [
      'an unknown write that never did',
      [
        [0, NEVER, write('a')],
        [1, 2, write('b', 1)],
        [3, 4, read(1, 'b')],
      ],
    ],
    [
      'an unknown write that nobody read',
      [
        [0, NEVER, write('a')],
        [1, 2, write('b', 2)],
      ],
    ],
    [
      'an unknown deletion that a write shows',
      [
        [0, 1, write('a', 1)],
        [2, NEVER, remove()],
        [4, 5, write('b', 2, 0)],
      ],
    ],
    [
      'a refused write, which tells the version',
      [
        [0, 1, write('a', 1)],
        [2, 3, read(1)],
      ],
    ],
  ])('passes %s', (_, operations) => {
    expect(problems(...operations)).toEqual([]);
  });

  // Catches: a checker that looks at each operation by itself, or not at real time, and so sees nothing.
  it.each<[string, string[], Timed[]]>([
    [
      'a lost write',
      NOT_LINEARIZABLE,
      [
        [0, 1, write('a', 1)],
        [2, 3, read(0)],
      ],
    ],
    [
      'a lost write, overwritten under its version',
      ['two writes made one version'],
      [
        [0, 1, write('a', 1)],
        [2, 3, write('b', 1)],
      ],
    ],
    [
      'a stale read',
      NOT_LINEARIZABLE,
      [
        [0, 1, write('a', 1)],
        [2, 3, write('b', 2)],
        [4, 5, read(1, 'a')],
      ],
    ],
    [
      'a read from the future',
      NOT_LINEARIZABLE,
      [
        [0, 1, read(1, 'a')],
        [2, 3, write('a', 1)],
      ],
    ],
    [
      'reads that go backwards beside a write',
      NOT_LINEARIZABLE,
      [
        [0, 1, write('a', 1)],
        [2, 9, write('b', 2)],
        [3, 4, read(2, 'b')],
        [5, 6, read(1, 'a')],
      ],
    ],
    [
      'a value that nobody wrote',
      ['a value was read that nobody wrote to this key'],
      [
        [0, 1, write('a', 1)],
        [2, 3, read(1, 'x')],
      ],
    ],
    [
      'a value at another version',
      ['a value was read at another version than its own'],
      [
        [0, 1, write('a', 1)],
        [2, 3, read(2, 'a')],
      ],
    ],
    [
      'an unknown value at two versions',
      ['a value was read at another version than its own'],
      [
        [0, NEVER, write('a')],
        [2, 3, read(1, 'a')],
        [4, 5, read(2, 'a')],
      ],
    ],
    [
      'a version that was left out',
      NOT_LINEARIZABLE,
      [
        [0, 1, write('a', 1)],
        [2, 3, write('c', 3)],
      ],
    ],
    [
      'a version that went backwards',
      NOT_LINEARIZABLE,
      [
        [0, 1, write('b', 2)],
        [2, 3, write('a', 1)],
      ],
    ],
    [
      'a write on another version than expected',
      ['a write succeeded on another version than it expected'],
      [
        [0, 1, write('a', 1)],
        [2, 3, write('b', 2)],
        [4, 5, write('c', 3, 1)],
      ],
    ],
    [
      'a creation of what was there',
      NOT_LINEARIZABLE,
      [
        [0, 1, write('a', 1)],
        [2, 3, write('b', 2, 0)],
      ],
    ],
    [
      'a write of a deleted version',
      NOT_LINEARIZABLE,
      [
        [0, 1, write('a', 1)],
        [2, 3, remove(true)],
        [4, 5, write('b', 2, 1)],
      ],
    ],
    [
      'a deletion that did nothing',
      NOT_LINEARIZABLE,
      [
        [0, 1, write('a', 1)],
        [2, 3, remove(true)],
        [4, 5, read(1, 'a')],
      ],
    ],
    [
      'two deletions of one value',
      NOT_LINEARIZABLE,
      [
        [0, 1, write('a', 1)],
        [2, 5, remove(true)],
        [3, 4, remove(true)],
      ],
    ],
    [
      'a deletion that missed what was there',
      NOT_LINEARIZABLE,
      [
        [0, 1, write('a', 1)],
        [2, 3, remove(false)],
      ],
    ],
    [
      'a refusal that names a version gone by',
      NOT_LINEARIZABLE,
      [
        [0, 1, write('a', 1)],
        [2, 3, write('b', 2)],
        [4, 5, read(1)],
      ],
    ],
    [
      'an unknown write before its time',
      NOT_LINEARIZABLE,
      [
        [0, 1, read(1, 'a')],
        [2, NEVER, write('a')],
      ],
    ],
    [
      'an unknown write before its time, beside another one',
      NOT_LINEARIZABLE,
      [
        [0, NEVER, write('b')],
        [1, 2, read(1, 'a')],
        [3, NEVER, write('a')],
      ],
    ],
    [
      'an unknown write that took effect twice',
      NOT_LINEARIZABLE,
      [
        [0, NEVER, write('a')],
        [1, 2, write('b', 3)],
      ],
    ],
  ])('finds %s', (_, expected, operations) => {
    expect(problems(...operations)).toEqual(expected);
  });

  // Catches: a search that leaves out an order, or allows one that real time forbids.
  it('agrees with trying out every order', () => {
    fc.assert(
      fc.property(fc.array(arbitraryOperation(), { maxLength: 5 }), (drawn) => {
        const operations = drawn.map((each, id) => ({ ...each, id }) as RegisterOperation);
        // A value is written once.
        const values = operations.flatMap((each) => (each.kind === 'write' ? [each.value] : []));
        fc.pre(new Set(values).size === values.length);
        expect(checkLinearizable(operations).length === 0).toBe(someOrderExplains(operations));
      }),
      { numRuns: 5_000, seed: 7 },
    );
  });
});

describe('the look at what is left at the end', () => {
  const last = (version: number, value?: string) =>
    ({ id: 99, invokedAt: 90, endedAt: 91, kind: 'read', version, value }) as const;

  // Catches: a look that takes any deletion for an excuse, or none.
  it.each<[string, number, Timed[], ReturnType<typeof last>]>([
    ['is content with the write itself', 0, [[0, 1, write('a', 1)]], last(1, 'a')],
    ['is content with a later one', 0, [[0, 1, write('a', 1)]], last(2, 'b')],
    [
      'is content with a later deletion',
      0,
      [
        [0, 1, write('a', 1)],
        [2, 3, remove(true)],
      ],
      last(0),
    ],
    [
      'is content with a deletion nobody knows of',
      0,
      [
        [0, NEVER, remove()],
        [2, 3, write('a', 1)],
      ],
      last(0),
    ],
    ['finds a write that is gone', 1, [[0, 1, write('a', 1)]], last(0)],
    [
      'finds a write that an earlier one is in place of',
      1,
      [
        [0, 1, write('a', 1)],
        [2, 3, write('b', 2)],
      ],
      last(1, 'a'),
    ],
    [
      'finds one gone that was made after the deletion',
      1,
      [
        [0, 1, write('a', 1)],
        [2, 3, remove(true)],
        [4, 5, write('b', 2)],
      ],
      last(0),
    ],
  ])('%s', (_, count, operations, read) => {
    expect(lostWrites(historyOf(...operations), read)).toHaveLength(count);
  });
});

/** Few values, versions and instants, so that they meet. */
function arbitraryOperation(): fc.Arbitrary<Omit<RegisterOperation, 'id'>> {
  const version = fc.integer({ min: 1, max: 3 });
  const value = fc.constantFrom('a', 'b', 'c');
  const expected = fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined });
  const certain = fc.oneof(
    fc.record({ kind: fc.constant('write'), value, expected, version }),
    fc.record({ kind: fc.constant('delete'), deleted: fc.boolean() }),
    fc.record({ kind: fc.constant('read'), version, value: fc.option(value, { nil: undefined }) }),
    fc.record({ kind: fc.constant('read'), version: fc.constant(0), value: fc.constant(undefined) }),
  );
  const unknown = fc.oneof(
    fc.record({ kind: fc.constant('write'), value, expected, version: fc.constant(undefined) }),
    fc.record({ kind: fc.constant('delete'), deleted: fc.constant(undefined) }),
  );
  const instant = fc.integer({ min: 0, max: 8 });
  const length = fc.integer({ min: 0, max: 5 });
  return fc
    .oneof(
      { weight: 4, arbitrary: fc.tuple(certain, instant, length) },
      { weight: 1, arbitrary: fc.tuple(unknown, instant, fc.constant(NEVER)) },
    )
    .map(
      ([what, invokedAt, took]) =>
        ({ ...what, invokedAt, endedAt: invokedAt + took }) as Omit<RegisterOperation, 'id'>,
    );
}

/** The definition itself: any order of any choice of the unknown operations. */
function someOrderExplains(
  open: readonly RegisterOperation[],
  values: readonly string[] = [],
  isEmpty = true,
): boolean {
  if (open.every(({ endedAt }) => endedAt === NEVER)) return true;
  return open.some((each) => {
    if (open.some((other) => other.endedAt < each.invokedAt) || !fits(each, values, isEmpty)) return false;
    const rest = open.filter((other) => other !== each);
    if (each.kind === 'write') return someOrderExplains(rest, [...values, each.value], false);
    return someOrderExplains(rest, values, isEmpty || each.kind === 'delete');
  });
}

function fits(operation: RegisterOperation, values: readonly string[], isEmpty: boolean): boolean {
  const version = isEmpty ? 0 : values.length;
  if (operation.kind === 'delete') return operation.deleted === undefined || operation.deleted !== isEmpty;
  if (operation.kind === 'read')
    return operation.version === version && (operation.value ?? values.at(-1)) === values.at(-1);
  const { expected = version, version: made = values.length + 1 } = operation;
  return expected === version && made === values.length + 1;
}

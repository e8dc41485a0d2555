import { describe, expect, it } from 'vitest';
import { shortcomings, violationsOf } from './checks.ts';
import { answer, called, callGap, eventAt, reading } from './doctored.ts';
import { type Fault, faultsDue } from './faults.ts';
import { History, KINDS, type Kind } from './history.ts';
import type { RegisterOperation } from './register.ts';

/** Writes whose outcome nobody knows, side by side with deletions of which one is told of what cannot be. */
function tangled(): RegisterOperation[] {
  const unknown = Array.from({ length: 20 }, (_, id): RegisterOperation[] => {
    const during = { invokedAt: id, endedAt: Number.POSITIVE_INFINITY };
    return [
      { id: 3 * id, ...during, kind: 'write', value: `a${id}`, version: undefined },
      { id: 3 * id + 1, ...during, kind: 'write', value: `b${id}`, expected: 0, version: undefined },
      { id: 3 * id + 2, ...during, kind: 'delete', deleted: undefined },
    ];
  });
  const impossible = { id: 999, invokedAt: 200, endedAt: 201, kind: 'read', version: 900 } as const;
  return [...unknown.flat(), { ...impossible, value: undefined }];
}

// Catches: a key whose check gives up, and with it the whole run, so that nobody hears of what else was broken.
it('tells of all violations where the history of one key is too tangled to judge', () => {
  const history = new History();
  history.violation('something else');
  const last = {
    id: 1_000,
    invokedAt: 300,
    endedAt: 301,
    kind: 'read',
    version: 0,
    value: undefined,
  } as const;
  for (const operation of tangled())
    history.keyRecords.push({ session: 's0', key: 'k0', client: 'c', operation });
  const found = violationsOf(history, [{ session: 's0', key: 'k0', operation: last, listed: 0 }], 100);
  expect(found.map(({ what }) => what)).toEqual([
    'something else',
    expect.stringMatching(/^s0 k0: not shown to be linearizable: no verdict/),
  ]);
});

describe('what a run must have had', () => {
  const options = { store: 'postgres', seconds: 60, seed: 1 } as const;
  const plentiful = (...without: Kind[]): History => {
    const history = new History();
    for (const kind of KINDS.filter((each) => !without.includes(each)))
      for (let count = 0; count < 100; count += 1) history.count(kind, 'ok');
    for (let count = 0; count < 10; count += 1) history.count('store', 'unknown');
    const events = [eventAt(1), callGap(2, 20), eventAt(40, answer({}))];
    history.calls.push(called({ reading: reading([], { events, resumptions: 10 }) }));
    return history;
  };
  const happened = (...without: Fault[]): ReadonlyMap<Fault, number> =>
    new Map(
      faultsDue('postgres', 60)
        .filter((each) => !without.includes(each))
        .map((fault) => [fault, 1]),
    );

  it('is enough of everything', () => {
    expect(shortcomings(plentiful(), happened(), options)).toEqual([]);
  });

  // Catches: a kind of operation that stopped working among others that did not.
  it.each(KINDS)('is successes of %s', (kind) => {
    const [first, ...others] = shortcomings(plentiful(kind), happened(), options);
    expect(first).toMatch(new RegExp(`^0 successes of ${kind}, where \\d+ are the fewest$`));
    expect(others).toEqual([]);
  });

  // Catches: a run in which nothing was lost on the way, so that no announcement of that was checked.
  it('is a gap', () => {
    const history = plentiful();
    history.calls.splice(0, 1, called({ reading: reading([], { resumptions: 10 }) }));
    expect(shortcomings(history, happened(), options)).toEqual(['no gap']);
  });

  // Catches: a minute without an instance that others take for dead and that lives.
  it('is each fault that the store and the time have room for', () => {
    expect(shortcomings(plentiful(), happened('frozen for long'), options)).toEqual(['no frozen for long']);
    expect(shortcomings(plentiful(), happened('frozen for long'), { ...options, seconds: 59 })).toEqual([]);
    expect(shortcomings(plentiful(), happened('store killed'), options)).toEqual(['no store killed']);
    expect(shortcomings(plentiful(), happened('store killed'), { ...options, store: 'dynamodb' })).toEqual(
      [],
    );
  });
});

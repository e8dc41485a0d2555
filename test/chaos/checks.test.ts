import { expect, it } from 'vitest';
import { violationsOf } from './checks.ts';
import { History } from './history.ts';
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

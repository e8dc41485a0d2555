import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { currentTurn, takeTurn } from '../../src/app/embedded/supervisor-lock.ts';
import { it } from './scratch.ts';

const holder = { pid: 1, port: 1, token: 'token', proof: 'proof' };

// Catches: a lock that two may take, and a record that others than its owner may read.
it('a turn is taken once', ({ scratch: { dataDir } }) => {
  expect(currentTurn(dataDir)).toBeUndefined();
  expect(takeTurn(dataDir, 0, holder)).toBe('supervisor-1.json');
  expect(takeTurn(dataDir, 0, { ...holder, pid: 2 })).toBeUndefined();
  expect(currentTurn(dataDir)).toEqual({ generation: 1, holder });
  expect(statSync(join(dataDir, 'supervisor-1.json')).mode & 0o777).toBe(0o600);
});

// Catches: the classic race of stale locks. A contender looked at turn 1, was slow, and takes turn 2 when
// others have had and swept it.
it('a turn that others have had is not taken again', ({ scratch: { dataDir } }) => {
  takeTurn(dataDir, 0, holder);
  takeTurn(dataDir, 1, holder);
  takeTurn(dataDir, 2, { ...holder, pid: 3 });
  expect(takeTurn(dataDir, 1, { ...holder, pid: 4 })).toBeUndefined();
  expect(currentTurn(dataDir)).toEqual({ generation: 3, holder: { ...holder, pid: 3 } });
  expect(readdirSync(dataDir)).toEqual(['supervisor-3.json']);
});

// Catches: a record that was cut short by a full disk or a crash and keeps everybody out.
it('an unreadable record has no holder', ({ scratch: { dataDir } }) => {
  writeFileSync(join(dataDir, 'supervisor-7.json'), '{"pid":');
  expect(currentTurn(dataDir)).toEqual({ generation: 7, holder: undefined });
  expect(takeTurn(dataDir, 7, holder)).toBe('supervisor-8.json');
});

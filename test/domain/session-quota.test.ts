import { beforeEach, describe, expect, it } from 'vitest';
import { QuotaExceeded } from '../../src/domain/errors.ts';
import { SessionQuota } from '../../src/domain/session-quota.ts';
import type { SessionDirectory } from '../../src/ports/session-directory.ts';
import { NOW, outcomes, times } from '../contract/fixtures.ts';

const MOST = 3;
const PRINCIPAL = { issuer: 'https://issuer.example', subject: 'subject' };

let stored: number;
let counts: number;
let quota: SessionQuota;

beforeEach(() => {
  [stored, counts] = [0, 0];
  const count: SessionDirectory['count'] = async () => {
    counts += 1;
    const counted = stored;
    await turn();
    return counted;
  };
  quota = new SessionQuota({ count } as SessionDirectory, MOST);
});

/** As long as a store takes to answer. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function create(): Promise<void> {
  await turn();
  stored += 1;
}

async function failing(): Promise<void> {
  await turn();
  throw new Error('not stored');
}

const within = (each = create): Promise<void> => quota.within(PRINCIPAL, NOW, each);

describe('the quota of a principal', () => {
  // Catches: a look before the write and nothing else, which lets through as many as come at one time.
  it('is never exceeded by creations at one time', async () => {
    const { values, errors } = await outcomes(times(10, () => within()));
    expect({ stored, created: values.length, refused: errors.length }).toEqual({
      stored: MOST,
      created: MOST,
      refused: 10 - MOST,
    });
    for (const error of errors) expect(error).toBeInstanceOf(QuotaExceeded);
  });

  // Catches: a place that is taken for a session that there never was.
  it('has room for as many as those ahead failed to create', async () => {
    const { errors } = await outcomes([
      ...times(MOST, () => within(failing)),
      ...times(MOST, () => within()),
    ]);
    expect(errors.map(String)).toEqual(times(MOST, () => 'Error: not stored'));
    expect(stored).toBe(MOST);
  });

  it('of another principal is another', async () => {
    await Promise.all(times(MOST, () => within()));
    stored = 0;
    await quota.within({ ...PRINCIPAL, subject: 'other' }, NOW, create);
    expect(stored).toBe(1);
  });

  it('costs one count for each creation where there is room', async () => {
    for (let created = 0; created < MOST; created += 1) await within();
    expect(counts).toBe(MOST);
    await expect(within()).rejects.toThrow(/^sessions: you have 3 sessions already, the most allowed/);
    expect(stored).toBe(MOST);
  });
});

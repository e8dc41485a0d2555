import { describe, expect, it } from 'vitest';
import { IAM_ACTIONS } from '../../src/adapters/dynamodb/permissions.ts';
import { eventually, NOW, newSession, ROOM } from '../contract/fixtures.ts';
import { dynamodbHarness } from '../support/dynamodb.ts';
import { startDynaliteOrConfigured } from '../support/dynamodb-engines.ts';
import { UsedActions } from '../support/dynamodb-permissions.ts';

describe('the IAM policy', () => {
  // Catches: a policy that asks for more than is used; the contract's files catch one that allows too little.
  it('allows exactly what is used', async () => {
    const actions = new UsedActions();
    const harness = await dynamodbHarness(startDynaliteOrConfigured, actions.watch);
    const { sessions, events, signals, check } = await harness.open();
    const session = newSession();
    await check();
    await sessions.create(session);
    await sessions.storeValue(session, { key: 'k', json: '1', limits: ROOM }, NOW);
    await sessions.readValue(session, 'k', NOW);
    const data = [JSON.stringify('x'.repeat(500_000))];
    await events.append(session, { stream: 's', data, expiresAt: session.endsAt, keep: 9 }, NOW);
    let signalled = false;
    const unwatch = signals.watch({ ref: session.ref, stream: 's' }, () => {
      signalled = true;
    });
    await eventually(() => signalled, 'a poll');
    unwatch();
    await sessions.delete(session.ref, NOW);
    await harness.close();
    for (const purpose of ['runtime', 'setup', 'teardown'] as const) {
      expect(actions.used(purpose), purpose).toEqual(IAM_ACTIONS[purpose]);
    }
  });
});

import { afterAll, describe, expect, it } from 'vitest';
import { dynamodbHarness } from '../support/dynamodb.ts';
import { dynoxideMissing, startDynoxide } from '../support/dynamodb-engines.ts';
import { UsedActions } from '../support/dynamodb-permissions.ts';
import { storeContract } from './store.suite.ts';

const missing = dynoxideMissing();
if (missing === undefined) {
  const actions = new UsedActions();
  storeContract('dynoxide', () => dynamodbHarness(startDynoxide, actions.watch));
  afterAll(() => expect(actions.undocumented).toEqual([]));
} else {
  describe.skip(`dynoxide keeps the contract (skipped: ${missing})`, () => {
    it('is not run', () => {});
  });
}

import { afterAll, expect } from 'vitest';
import { dynamodbHarness } from '../support/dynamodb.ts';
import { dynoxideMissing, startDynoxide } from '../support/dynamodb-engines.ts';
import { UsedActions } from '../support/dynamodb-permissions.ts';
import { unlessMissing } from '../support/unless-missing.ts';
import { storeContract } from './store.suite.ts';

unlessMissing(dynoxideMissing(), 'dynoxide keeps the contract', () => {
  const actions = new UsedActions();
  storeContract('dynoxide', () => dynamodbHarness(startDynoxide, actions.watch));
  afterAll(() => expect(actions.undocumented).toEqual([]));
});

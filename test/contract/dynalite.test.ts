import { afterAll, expect } from 'vitest';
import { dynamodbHarness } from '../support/dynamodb.ts';
import { startDynaliteOrConfigured } from '../support/dynamodb-engines.ts';
import { UsedActions } from '../support/dynamodb-permissions.ts';
import { storeContract } from './store.suite.ts';

const actions = new UsedActions();

// With AWS_ENDPOINT_URL_DYNAMODB set, this is the contract on DynamoDB itself, or on whatever that names.
storeContract('dynalite', () => dynamodbHarness(startDynaliteOrConfigured, actions.watch));

// Catches: an operation that the documented IAM policy does not allow.
afterAll(() => expect(actions.undocumented).toEqual([]));

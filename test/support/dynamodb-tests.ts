import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Session } from '../../src/domain/session.ts';
import { newSession } from '../contract/fixtures.ts';
import { type DynamodbFixture, dynamodbFixture } from './dynamodb.ts';
import { type DynamodbEngine, startDynaliteOrConfigured } from './dynamodb-engines.ts';

/** Sets up one engine for the tests of a `describe`, and hands each of them a new session on it. */
export function eachOnDynamodb(assign: (fixture: DynamodbFixture, session: Session) => void): void {
  let engine: DynamodbEngine;
  let fixture: DynamodbFixture;

  beforeAll(async () => {
    engine = await startDynaliteOrConfigured();
    fixture = await dynamodbFixture(engine);
  });
  afterAll(async () => {
    await fixture?.close();
    await engine?.stop();
  });
  beforeEach(async () => {
    const session = newSession();
    await fixture.store.sessions.create(session);
    assign(fixture, session);
  });
}

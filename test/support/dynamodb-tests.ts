import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Session } from '../../src/domain/session.ts';
import { newSession } from '../contract/fixtures.ts';
import { type DynamodbFixture, dynamodbFixture } from './dynamodb.ts';
import { type DynamodbEngine, startDynaliteOrConfigured } from './dynamodb-engines.ts';

/** Sets up one engine for the tests of a `describe`. */
export function onDynamodb(
  assign: (fixture: DynamodbFixture, engine: DynamodbEngine) => void,
  start: () => Promise<DynamodbEngine> = startDynaliteOrConfigured,
): void {
  let engine: DynamodbEngine;
  let fixture: DynamodbFixture;

  beforeAll(async () => {
    engine = await start();
    fixture = await dynamodbFixture(engine);
    assign(fixture, engine);
  });
  afterAll(async () => {
    await fixture?.close();
    await engine?.stop();
  });
}

/** The same, and hands each of the tests a new session. */
export function eachOnDynamodb(assign: (fixture: DynamodbFixture, session: Session) => void): void {
  let fixture: DynamodbFixture;

  onDynamodb((given) => {
    fixture = given;
  });
  beforeEach(async () => {
    const session = newSession();
    await fixture.store.sessions.create(session);
    assign(fixture, session);
  });
}

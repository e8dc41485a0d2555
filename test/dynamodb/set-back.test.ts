import { expect, it } from 'vitest';
import type { Session } from '../../src/domain/session.ts';
import { newSessionId } from '../../src/domain/session.ts';
import { STANDALONE_STREAM } from '../../src/domain/stream-name.ts';
import { StreamWriter } from '../../src/domain/stream-writer.ts';
import { Streams } from '../../src/domain/streams.ts';
import type { Store } from '../../src/ports/store.ts';
import { eventually, HOUR, NOW } from '../contract/fixtures.ts';
import type { DynamodbFixture } from '../support/dynamodb.ts';
import { intercept } from '../support/dynamodb-requests.ts';
import { eachOnDynamodb } from '../support/dynamodb-tests.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { TailReader } from '../support/stream-lab.ts';

let fixture: DynamodbFixture;
let session: Session;

eachOnDynamodb((...made) => {
  [fixture, session] = made;
});

// Catches: an eventually consistent look that an old replica answered, and that is taken for a table set back.
it('a look that an old replica answers loses nothing, and says nothing', async () => {
  const errors: unknown[] = [];
  const streamsOf = ({ events, signals }: Store): Streams =>
    new Streams({
      ...{ events, signals, clock: new FakeClock(NOW), keep: 100, retentionMs: HOUR },
      onError: (error) => errors.push(error),
    });
  const handle = { session, id: newSessionId(), stream: STANDALONE_STREAM };
  const writer = new StreamWriter(streamsOf(fixture.store), handle, () => false);
  const { client, store } = fixture.another();
  let oldAnswers = 0;
  let isOld = false;
  intercept(client, async (sent, next) => {
    const isLook = sent.action === 'Query' && !('ConsistentRead' in sent.input && sent.input.ConsistentRead);
    if (!isLook || !isOld) return next();
    isOld = false;
    oldAnswers += 1;
    return { ...(await next()), Items: [] };
  });
  const reader = new TailReader(streamsOf(store).follow(handle, { sequence: 0 }));
  for (const text of ['1', '2', '3']) {
    await writer.send([text]);
    await eventually(() => reader.heard.includes(Number(text)), text);
    isOld = true;
    await eventually(() => !isOld, 'an old answer', 15_000);
  }
  await writer.send(['4']);
  await eventually(() => reader.heard.includes(4), 'the last message');
  expect([reader.heard, oldAnswers, errors]).toEqual([[1, 2, 3, 4], 3, []]);
  reader.tail.close();
});

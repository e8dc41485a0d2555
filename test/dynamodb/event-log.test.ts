import type { QueryCommandOutput } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import type { Session } from '../../src/domain/session.ts';
import type { EventAppend } from '../../src/ports/event-log.ts';
import type { Store } from '../../src/ports/store.ts';
import { eventually, NOW, outcomes, times } from '../contract/fixtures.ts';
import type { DynamodbFixture } from '../support/dynamodb.ts';
import { intercept } from '../support/dynamodb-requests.ts';
import { eachOnDynamodb } from '../support/dynamodb-tests.ts';

describe('the event log on DynamoDB', () => {
  let fixture: DynamodbFixture;
  let session: Session;

  const append = (data: string[], options: Partial<EventAppend> = {}, store: Store = fixture.store) =>
    store.events.append(
      session,
      { stream: 's', data, expiresAt: session.endsAt, keep: 100, ...options },
      NOW,
    );
  const read = (after = 0, limit = 100, store: Store = fixture.store) =>
    store.events.read(session, { stream: 's', after, limit }, NOW);

  eachOnDynamodb((...made) => {
    [fixture, session] = made;
  });

  // Catches: an event doubled, or an end taken for somebody else's, after an answer that was lost.
  it('appends once where the request was sent twice', async () => {
    const { client, store } = fixture.another();
    intercept(client, async (sent, next) => {
      if (sent.action === 'PutItem') await next();
      return next();
    });
    expect(await append(['1'], {}, store)).toBe(1);
    expect(await append(['2', '3'], {}, store)).toBe(3);
    expect(await append(['4'], { end: true }, store)).toBe(4);
    expect((await read()).events.map(({ data }) => data)).toEqual(['1', '2', '3', '4']);
  });

  it('knows its event again, also where another has followed it', async () => {
    const { client, store } = fixture.another();
    let lost = true;
    intercept(client, async (sent, next) => {
      if (sent.action === 'PutItem' && lost) {
        lost = false;
        await next();
        await append(['"other"']);
      }
      return next();
    });
    expect(await append(['"own"'], {}, store)).toBe(1);
    expect((await read()).events.map(({ data }) => data)).toEqual(['"own"', '"other"']);
  });

  // Catches: a cursor inside an append that finds only the appends that begin after it.
  it('reads from the middle of an append, and at its end', async () => {
    await append(['1', '2', '3']);
    await append(['4', '5']);
    for (let after = 0; after <= 5; after += 1) {
      expect((await read(after)).events.map(({ sequence }) => sequence)).toEqual(
        [1, 2, 3, 4, 5].slice(after),
      );
      expect((await read(after, 1)).events.map(({ sequence }) => sequence)).toEqual(
        [1, 2, 3, 4, 5].slice(after, after + 1),
      );
    }
  });

  it('fills a page past a megabyte', async () => {
    const data = JSON.stringify('x'.repeat(300_000));
    for (let index = 0; index < 8; index += 1) await append([data]);
    expect((await read(0, 7)).events).toHaveLength(7);
    expect((await read(1, 100)).events).toHaveLength(7);
  });

  // Catches: a page full of expired events, which DynamoDB has not removed yet, taken for an empty stream.
  it('passes over expired events, however many there are', async () => {
    for (let index = 0; index < 12; index += 1) await append(['1'], { expiresAt: NOW + 10 });
    await append(['2', '3']);
    const page = await fixture.store.events.read(session, { stream: 's', after: 2, limit: 5 }, NOW + 10);
    expect(page).toMatchObject({ gap: { from: 3, to: 12 }, events: [{ sequence: 13 }, { sequence: 14 }] });
  });

  it('keeps dozens of parts of one event, and thousands of texts of one append', async () => {
    const huge = JSON.stringify('x'.repeat(12_000_000));
    await append([huge], { keep: 5_000 });
    const texts = times(3_000, (index) => `{"index":${index},"text":"${'é'.repeat(100)}"}`);
    await append(texts, { keep: 5_000 });
    const [first] = (await read(0, 1)).events;
    expect(first?.data === huge).toBe(true);
    expect((await read(1, 5_000)).events).toHaveLength(3_000);
    expect((await read(2_000, 1)).events[0]?.data).toContain('"index":1999,');
  });

  // Catches: a gap reported, and so an event passed over, because a query that is no snapshot saw n+1 but
  // not n. DynamoDB promises less than the engines here do, so its answer is made by hand.
  it.each([0, 1])('takes no torn query for a gap (%i events read before)', async (after) => {
    const { client, store } = fixture.another();
    for (const text of ['1', '2', '3', '4']) await append([text]);
    let torn = true;
    intercept(client, async (sent, next) => {
      const output = (await next()) as QueryCommandOutput;
      if (sent.action !== 'Query' || !torn) return output;
      torn = false;
      return { ...output, Items: output.Items?.slice(1) ?? [] };
    });
    const page = await read(after, 100, store);
    expect(torn).toBe(false);
    expect(page.gap).toBeUndefined();
    expect(page.events[0]?.sequence).toBe(after + 1);
  });

  it('ends a page before a hole that it does not believe', async () => {
    const { client, store } = fixture.another();
    for (const text of ['1', '2', '3', '4']) await append([text]);
    let torn = true;
    intercept(client, async (sent, next) => {
      const output = (await next()) as QueryCommandOutput;
      if (sent.action !== 'Query' || !torn) return output;
      torn = false;
      return { ...output, Items: (output.Items ?? []).toSpliced(2, 1) };
    });
    const page = await read(0, 100, store);
    expect(page).toMatchObject({ gap: undefined, events: [{ sequence: 1 }, { sequence: 2 }] });
    expect((await read(2, 100, store)).events.map(({ sequence }) => sequence)).toEqual([3, 4]);
  });

  // Catches: an event put where the stream was filled and trimmed meanwhile: under a number that another
  // event had, and behind what every reader has seen.
  it('appends anew what came so late that its place was trimmed', async () => {
    const late = fixture.another();
    let arrived = false;
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    intercept(late.client, async (sent, next) => {
      if (sent.action === 'PutItem' && !arrived) {
        arrived = true;
        await released;
      }
      return next();
    });
    await append(['"first"']);
    const startedAt = performance.now();
    const appending = append(['"late"'], { keep: 2 }, late.store);
    await eventually(() => arrived, 'the late request');
    for (let index = 0; index < 70; index += 1) await append([String(index)], { keep: 2 });
    await eventually(() => performance.now() - startedAt > 1_100, 'time for the request to be late');
    release();
    expect(await appending).toBe(72);
    expect((await read(71)).events).toEqual([{ sequence: 72, data: '"late"', end: false }]);
    const { events, gap } = await read(0);
    expect(gap).toEqual({ from: 1, to: (events[0]?.sequence ?? 0) - 1 });
    expect(events.filter(({ data }) => data === '"late"')).toHaveLength(1);
  });

  // Catches: a trim that fails and takes the append's success with it.
  it('reports a failed trim to the operator, and catches up later', async () => {
    const { client, store } = fixture.another();
    let failing = true;
    intercept(client, async (sent, next) => {
      if (sent.action === 'BatchWriteItem' && failing)
        throw Object.assign(new Error(), { code: 'ECONNRESET' });
      return next();
    });
    for (let index = 0; index < 40; index += 1) await append(['1'], { keep: 4 }, store);
    expect(fixture.errors.splice(0)).toHaveLength(1);
    expect((await read()).events).toHaveLength(40);
    failing = false;
    for (let index = 0; index < 24; index += 1) await append(['1'], { keep: 4 }, store);
    expect((await read()).events).toHaveLength(4);
  });

  it('lets appends of one instance keep the order in which they were made', async () => {
    const { values } = await outcomes(times(50, (index) => append([String(index)])));
    expect(values).toEqual(times(50, (index) => index + 1));
  });
});

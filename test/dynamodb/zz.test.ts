import { it } from 'vitest';
import { NOW, newSession } from '../contract/fixtures.ts';
import { dynamodbFixture } from '../support/dynamodb.ts';
import { startDynaliteOrConfigured, startDynoxide } from '../support/dynamodb-engines.ts';
import { intercept } from '../support/dynamodb-requests.ts';
it.each([['dynalite', startDynaliteOrConfigured], ['dynoxide', startDynoxide]] as const)('%s', async (_, start) => {
  const engine = await start(); const f = await dynamodbFixture(engine);
  const session = newSession(); await f.store.sessions.create(session);
  intercept(f.client, async (sent, next) => { const o: any = await next(); const i: any = sent.input;
    console.log(sent.action, i.Item?.sk, i.RequestItems && Object.values<any>(i.RequestItems)[0].Keys?.length, o.Responses && Object.values<any>(o.Responses)[0].map((x: any) => x.sk + ':' + x.bytes?.length).join(), o.UnprocessedKeys && JSON.stringify(o.UnprocessedKeys).slice(0, 200)); return o; });
  const huge = JSON.stringify('x'.repeat(12_000_000));
  await f.store.events.append(session, { stream: 's', data: [huge], expiresAt: session.endsAt, keep: 9 }, NOW);
  const p = await f.store.events.read(session, { stream: 's', after: 0, limit: 1 }, NOW);
  console.log(p.events.length, p.events[0]?.data.length, huge.length);
});

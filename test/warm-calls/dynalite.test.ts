import { dynamodbFixture } from '../support/dynamodb.ts';
import { startDynaliteOrConfigured } from '../support/dynamodb-engines.ts';
import { sentBy } from '../support/dynamodb-requests.ts';
import { type TappedStore, warmCallsSuite } from './warm-calls.suite.ts';

const open = async (): Promise<TappedStore> => {
  const engine = await startDynaliteOrConfigured();
  const fixture = await dynamodbFixture(engine);
  return {
    store: fixture.store,
    sent: sentBy(fixture.client),
    close: async () => {
      await fixture.close();
      await engine.stop();
    },
  };
};

// The session and the value, both as they are now.
warmCallsSuite('dynalite', open, { store: ['UpdateItem'], get: ['BatchGetItem'] });

import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { STORE_REQUESTS_WAITING } from '../../domain/limits.ts';

import { TOO_MANY_REQUESTS } from './errors.ts';

/** Whatever is left out, the AWS SDK finds as it always does: in the environment, the profile, the role. */
export interface ClientOptions {
  /** Otherwise `AWS_REGION` or the profile decides. */
  readonly region?: string | undefined;
  /** Otherwise `AWS_ENDPOINT_URL_DYNAMODB`, or the region's own. */
  readonly endpoint?: string | undefined;
  /** Otherwise the SDK's default chain. */
  readonly credentials?: DynamoDBClientConfig['credentials'] | undefined;
  /** How long one attempt may take, in ms; 5,000 by default. */
  readonly requestTimeoutMs?: number | undefined;
}

/**
 * A client whose requests end in bounded time: the SDK's own waits for ever by default. DynamoDB answers in
 * milliseconds, so that after 1 s without a connection or 5 s without an answer another attempt is due; after
 * three, 16 s, or 31 s where answers begin and do not end, the caller is told. What must not be done twice is tried
 * once, then looked for. Destroy it when the store on it is closed.
 */
export function dynamodbClient({
  region,
  endpoint,
  credentials,
  requestTimeoutMs = 5_000,
}: ClientOptions = {}): DynamoDBClient {
  // The SDK's default of 50 sockets makes requests wait for each other under load.
  const agent = { keepAlive: true, maxSockets: 200 };
  const client = new DynamoDBClient({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: 3,
    retryMode: 'standard',
    requestHandler: {
      connectionTimeout: 1_000,
      requestTimeout: requestTimeoutMs,
      // That one ends with the head of an answer, whose rest may never come.
      socketTimeout: requestTimeoutMs,
      // Without this a breach of the timeout is a warning on the console and the request goes on.
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
  refuseTooMany(client);
  return client;
}

/** Fails requests at once where too many are under way already. */
function refuseTooMany(client: DynamoDBClient): void {
  let underWay = 0;
  client.middlewareStack.add(
    (next) => async (args) => {
      if (underWay >= STORE_REQUESTS_WAITING) {
        const error = new Error(`${STORE_REQUESTS_WAITING} requests are under way already`);
        throw Object.assign(error, { name: TOO_MANY_REQUESTS });
      }
      underWay += 1;
      try {
        return await next(args);
      } finally {
        underWay -= 1;
      }
    },
    { step: 'initialize' },
  );
}

import type { ClientOptions } from '../../adapters/dynamodb/client.ts';
import type { DynamodbConfig } from '../store-config.ts';

/** Emulators ask for credentials of the right form and look no further. */
const ANY_CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };
const ANY_REGION = 'us-east-1';

/** A DynamoDB that was found. */
export interface DynamodbPlace {
  readonly client: ClientOptions;
  /** For people, after the names of the tables. */
  readonly location: string;
  leave(): Promise<void>;
}

/** Where the tables are or are to be; starts the embedded emulator where that is meant. */
export async function findDynamodb({ target, region }: DynamodbConfig): Promise<DynamodbPlace> {
  switch (target.kind) {
    case 'aws':
      return {
        client: region === undefined ? {} : { region },
        location: `in AWS${region === undefined ? '' : `, region ${region}`}`,
        leave: async () => {},
      };
    case 'endpoint':
      return {
        client: { endpoint: target.url, region: region ?? ANY_REGION, ...credentialsFor(target.url) },
        location: `at ${new URL(target.url).origin}`,
        leave: async () => {},
      };
    case 'embedded': {
      const { joinEngine } = await import('../embedded/engine.ts');
      const engine = await joinEngine({ kind: 'dynamodb', dataDir: target.dataDir });
      return {
        client: { endpoint: engine.url, region: ANY_REGION, credentials: ANY_CREDENTIALS },
        location: `of the embedded engine in ${target.dataDir}/dynamodb`,
        leave: () => engine.leave(),
      };
    }
  }
}

/** A local emulator needs no real credentials; anywhere else the AWS SDK's own chain finds them. */
function credentialsFor(endpoint: string): { credentials?: typeof ANY_CREDENTIALS } {
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(new URL(endpoint).hostname);
  const hasOwn = ['AWS_ACCESS_KEY_ID', 'AWS_PROFILE'].some((name) => process.env[name]);
  return isLocal && !hasOwn ? { credentials: ANY_CREDENTIALS } : {};
}

import type { SettingsReader } from './settings.ts';

export type StoreName = 'postgres' | 'dynamodb';

export interface PostgresConfig {
  readonly name: 'postgres';
  /** Where the database is; `embedded` for one that the process brings along, with its data below `dataDir`. */
  readonly target:
    | { readonly kind: 'url'; readonly url: string }
    | { readonly kind: 'embedded'; readonly dataDir: string };
  readonly poolMax: number;
  /** A direct connection for LISTEN, where `DATABASE_URL` leads to a pooler; `false` where there is none. */
  readonly listenUrl: string | false | undefined;
  readonly preparedStatements: boolean;
}

export interface DynamodbConfig {
  readonly name: 'dynamodb';
  /** `aws`: as the AWS SDK's own configuration says; `endpoint`: another DynamoDB than Amazon's. */
  readonly target:
    | { readonly kind: 'aws' }
    | { readonly kind: 'endpoint'; readonly url: string }
    | { readonly kind: 'embedded'; readonly dataDir: string };
  readonly tableName: string;
  readonly region: string | undefined;
}

export type StoreConfig = PostgresConfig | DynamodbConfig;

/** The value of `DATABASE_LISTEN_URL` where signals are looked for, and not listened to. */
const NO_LISTENING = 'none';

/** Reads what concerns the store. Problems are left in `settings`. */
export function readStoreConfig(
  settings: SettingsReader,
  flags: { readonly store: StoreName; readonly aws?: boolean | undefined; readonly embedded: boolean },
): StoreConfig {
  const dataDir = settings.text('DATA_DIR', '.data');
  return flags.store === 'postgres'
    ? readPostgres(settings, flags.embedded ? dataDir : undefined)
    : readDynamodb(settings, flags.embedded ? dataDir : undefined, flags.aws ?? false);
}

function readPostgres(settings: SettingsReader, dataDir: string | undefined): PostgresConfig {
  const url = settings.text('DATABASE_URL');
  if (url !== undefined) assertPostgresUrl(settings, 'DATABASE_URL', url);
  const listenUrl = settings.text('DATABASE_LISTEN_URL');
  const listens = listenUrl !== NO_LISTENING;
  if (listenUrl !== undefined && listens) assertPostgresUrl(settings, 'DATABASE_LISTEN_URL', listenUrl);
  if (url === undefined && dataDir === undefined) {
    settings.problems.push(
      'DATABASE_URL is not set: name the database, as in postgres://user:password@host:5432/database ' +
        '(npm run dev:postgres brings one along)',
    );
  }
  return {
    name: 'postgres',
    target: url === undefined ? { kind: 'embedded', dataDir: dataDir ?? '' } : { kind: 'url', url },
    poolMax: settings.integer('DATABASE_POOL_MAX', 10, { min: 1, max: 1_000 }),
    listenUrl: listens ? listenUrl : false,
    preparedStatements: settings.oneOf('DATABASE_PREPARED_STATEMENTS', 'true', ['true', 'false']) === 'true',
  };
}

function assertPostgresUrl(settings: SettingsReader, name: string, url: string): void {
  // The value is not repeated: it holds a password.
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol)) {
    settings.problems.push(`${name} must be a URL that begins with postgres:// or postgresql://`);
  }
}

function readDynamodb(settings: SettingsReader, dataDir: string | undefined, aws: boolean): DynamodbConfig {
  const tableName = settings.matching(
    'MCP_SESSION_TABLE',
    'mcp-sessions',
    // DynamoDB allows 255 characters; the events table's name is 7 longer.
    /^[A-Za-z0-9_.-]{3,248}$/,
    'a DynamoDB table name of 3 to 248 characters from A-Z a-z 0-9 _ . -',
  );
  const endpointName = ['AWS_ENDPOINT_URL_DYNAMODB', 'AWS_ENDPOINT_URL'].find((name) => settings.text(name));
  const endpoint = endpointName === undefined ? undefined : settings.text(endpointName);
  const region = settings.text('AWS_REGION') ?? settings.text('AWS_DEFAULT_REGION');
  if (aws && endpointName !== undefined) {
    settings.problems.push(`--aws and ${endpointName} exclude each other: unset ${endpointName} to use AWS`);
  }
  if (endpoint !== undefined && (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol))) {
    settings.problems.push(`${endpointName} must be a URL that begins with http:// or https://`);
  }
  const common = { name: 'dynamodb', tableName, region } as const;
  if (endpoint !== undefined) return { ...common, target: { kind: 'endpoint', url: endpoint } };
  if (dataDir !== undefined && !aws) return { ...common, target: { kind: 'embedded', dataDir } };
  return { ...common, target: { kind: 'aws' } };
}

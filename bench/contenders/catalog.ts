import { BareSession } from '../load/bare-session.ts';
import { SessionClient } from '../load/session-client.ts';
import { CheckedSession, type StateSession } from '../load/state-session.ts';
import { StatelessClient } from '../load/stateless-client.ts';
import { programArguments } from '../project.ts';
import type { Contender, ContenderName, RunningContender } from './contender.ts';
import type { Environment } from './environment.ts';
import { multiplySessions } from './multiply-sessions.ts';
import type { ServerProcess } from './server-process.ts';

const INSTANCES = 3;
const LOG_LEVEL = 'warn';

const withSession = async (origin: string): Promise<StateSession> =>
  new CheckedSession(await SessionClient.open(origin));
const withHandle = async (origin: string): Promise<StateSession> =>
  new CheckedSession(await StatelessClient.open(origin));

const contenders: readonly Contender[] = [
  {
    name: 'bare',
    label: 'bare Node HTTP server (the ceiling)',
    start: (environment) => program(environment, ['bare.ts'], async (origin) => new BareSession(origin)),
  },
  {
    name: 'sdk-json',
    label: 'official SDK 1, in memory, JSON',
    start: (environment) => program(environment, ['sdk.ts', 'json'], withSession),
  },
  {
    name: 'sdk-sse',
    label: 'official SDK 1, in memory, SSE',
    start: (environment) => program(environment, ['sdk.ts', 'sse'], withSession),
  },
  {
    name: 'memory',
    label: 'durable-mcp, in memory',
    start: (environment) => program(environment, ['memory.ts'], withSession),
  },
  {
    name: 'postgres',
    label: 'durable-mcp, PostgreSQL',
    start: (environment) => onPostgres(environment, 'one'),
  },
  {
    name: 'postgres-100',
    label: 'durable-mcp, PostgreSQL, 100 sessions',
    start: (environment) => amongOthers(environment, 'few', 100),
  },
  {
    name: 'postgres-100k',
    label: 'durable-mcp, PostgreSQL, 100,000 sessions',
    start: (environment) => amongOthers(environment, 'many', 100_000),
  },
  {
    name: 'postgres-3',
    label: `durable-mcp, PostgreSQL, ${INSTANCES} instances, proxy`,
    start: threeOnPostgres,
  },
  { name: 'dynamodb', label: 'durable-mcp, DynamoDB emulator', start: onDynamodb },
  {
    name: 'sdk2-2026',
    label: 'official SDK 2 (2026-07-28), in memory',
    start: (environment) => program(environment, ['sdk2.ts'], withHandle),
  },
  {
    name: 'postgres-2026',
    label: 'durable-mcp (2026-07-28), PostgreSQL',
    // The servers are the same: they serve clients of all revisions.
    start: async (environment) => {
      const running = await environment.contender('postgres');
      return { ...running, openSession: () => withHandle(running.origin) };
    },
  },
];

export const CONTENDERS = Object.fromEntries(contenders.map((each) => [each.name, each])) as Readonly<
  Record<ContenderName, Contender>
>;

type Opens = (origin: string) => Promise<StateSession>;

async function program(
  environment: Environment,
  [file = '', ...args]: readonly string[],
  open: Opens,
): Promise<RunningContender> {
  const server = await environment.server([...programArguments(`servers/${file}`), ...args], { LOG_LEVEL });
  return running(server.origin, [server], open);
}

async function onPostgres(environment: Environment, database: string): Promise<RunningContender> {
  const databaseUrl = await environment.database(database);
  const server = await instance(environment, databaseUrl);
  return { ...running(server.origin, [server], withSession), databaseUrl };
}

async function amongOthers(
  environment: Environment,
  database: string,
  others: number,
): Promise<RunningContender> {
  const contender = await onPostgres(environment, database);
  const template = await contender.openSession();
  await template.store('key-0', 100);
  await multiplySessions(contender.databaseUrl ?? '', others);
  return contender;
}

async function threeOnPostgres(environment: Environment): Promise<RunningContender> {
  const databaseUrl = await environment.database('three');
  const instances: ServerProcess[] = [];
  // One after the other: the first makes the tables.
  for (let n = 0; n < INSTANCES; n += 1) instances.push(await instance(environment, databaseUrl));
  const proxy = await environment.server([
    ...programArguments('servers/round-robin-proxy.ts'),
    ...instances.map(({ origin }) => origin),
  ]);
  return { ...running(proxy.origin, instances, withSession), databaseUrl };
}

function instance(environment: Environment, databaseUrl: string): Promise<ServerProcess> {
  return service(environment, 'postgres', { DATABASE_URL: databaseUrl });
}

async function onDynamodb(environment: Environment): Promise<RunningContender> {
  const endpoint = await environment.engine('dynamodb');
  const server = await service(environment, 'dynamodb', { AWS_ENDPOINT_URL_DYNAMODB: endpoint });
  return { ...running(server.origin, [server], withSession), dynamodbUrl: endpoint };
}

/** The service as it is run in production, compiled. */
export function service(
  environment: Environment,
  store: 'postgres' | 'dynamodb',
  settings: Readonly<Record<string, string>>,
): Promise<ServerProcess> {
  return environment.server(['build/app/cli/start.js', '--store', store], {
    PORT: '0',
    CREATE_TABLES_IF_MISSING: 'true',
    LOG_LEVEL,
    ...settings,
  });
}

function running(origin: string, instances: readonly ServerProcess[], open: Opens): RunningContender {
  return { origin, instances, openSession: () => open(origin) };
}

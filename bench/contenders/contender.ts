import type { StateSession } from '../load/state-session.ts';
import type { Environment } from './environment.ts';
import type { ServerProcess } from './server-process.ts';

/** Who is measured. */
export type ContenderName =
  | 'bare'
  | 'sdk-json'
  | 'sdk-sse'
  | 'memory'
  | 'postgres'
  | 'postgres-3'
  | 'postgres-100'
  | 'postgres-100k'
  | 'dynamodb'
  | 'sdk2-2026'
  | 'postgres-2026';

/** A contender as it can be started. */
export interface Contender {
  readonly name: ContenderName;
  /** For people. */
  readonly label: string;
  start(environment: Environment): Promise<RunningContender>;
}

/** A contender that answers requests. */
export interface RunningContender {
  /** Where its clients connect: the server's own address, or that of a proxy. */
  readonly origin: string;
  /** Its servers, one process each; a proxy and a database are none. */
  readonly instances: readonly ServerProcess[];
  /** Opens a session over a connection of its own. */
  openSession(): Promise<StateSession>;
  /** Of a contender on PostgreSQL. */
  readonly databaseUrl?: string;
  /** Of a contender on an emulator of DynamoDB. */
  readonly dynamodbUrl?: string;
}

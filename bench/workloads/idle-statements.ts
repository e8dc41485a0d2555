import { setTimeout as pause } from 'node:timers/promises';
import { service } from '../contenders/catalog.ts';
import { CountingProxy } from '../contenders/counting-proxy.ts';
import type { Environment } from '../contenders/environment.ts';
import { closeStreams, openIdleSessions, openStreams } from '../load/many.ts';
import type { PreparedCase, Workload } from './workload.ts';

const STREAMS = 1_000;
/** Until what follows the opening of streams is written. */
const SETTLING_MS = 1_000;
/** Shorter than the interval at which an instance looks at all its streams at once, so that it may see one such look. */
const QUIET_MS = 10_000;

/** What idle GET streams ask of the database. */
export const IDLE_STATEMENTS: Workload = {
  name: 'idle-statements',
  title: `SQL statements of an instance with ${STREAMS.toLocaleString('en-US')} idle GET streams`,
  rounds: 1,
  cases: [{ name: 'postgres', contender: 'postgres', prepare }],
};

async function prepare(environment: Environment): Promise<PreparedCase> {
  const proxy = await CountingProxy.before(await environment.database('quiet'));
  const server = await service(environment, 'postgres', { DATABASE_URL: proxy.databaseUrl });
  return {
    measure: async () => {
      const opening = proxy.statements;
      const sessionIds = await openIdleSessions(server.origin, STREAMS);
      const opened = proxy.statements;
      const streams = await openStreams(server.origin, sessionIds);
      const listening = proxy.statements;
      await pause(SETTLING_MS);
      const settled = proxy.statements;
      await pause(QUIET_MS);
      const statements = proxy.statements - settled;
      await closeStreams(streams);
      return {
        streams: STREAMS,
        quiet_s: QUIET_MS / 1_000,
        idle_statements: statements,
        statements_per_session_opened: (opened - opening) / STREAMS,
        statements_per_stream_opened: (listening - opened) / STREAMS,
      };
    },
    close: async () => {
      await server.stop();
      await proxy.close();
    },
  };
}

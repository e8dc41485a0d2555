import { service } from '../contenders/catalog.ts';
import type { ContenderName } from '../contenders/contender.ts';
import type { Environment } from '../contenders/environment.ts';
import type { ServerProcess } from '../contenders/server-process.ts';
import { closeStreams, openIdleSessions, openStreams } from '../load/many.ts';
import { SessionClient } from '../load/session-client.ts';
import { CheckedSession } from '../load/state-session.ts';
import { programArguments } from '../project.ts';
import { caller, keyNames } from './calls.ts';
import { costOfEach, heldMemory } from './held-memory.ts';
import { measureLoad } from './measured-load.ts';
import type { Case, Figures, Workload } from './workload.ts';

const STREAMS = 1_000;
/** Opened and closed before anything is measured: the first ones make what all others share. */
const WARM_UP = 50;
const CALLERS = 50;
const MIX = { stores: 0.5, valueBytes: 100 };
const KEYS = 10;

type Start = (environment: Environment) => Promise<ServerProcess>;

/** What idle GET streams cost: memory, and the calls that other sessions make meanwhile. */
export const IDLE_STREAMS: Workload = {
  name: 'idle-streams',
  title: `${STREAMS.toLocaleString('en-US')} idle GET streams, and the calls of ${CALLERS} other sessions beside them`,
  cases: [
    floorCase(),
    idleCase('sdk-json', async () => (environment) => ownProgram(environment, 'sdk.ts', 'json')),
    idleCase('memory', async () => (environment) => ownProgram(environment, 'memory.ts')),
    idleCase('postgres', async (environment) => {
      const databaseUrl = await environment.database('idle');
      return () => service(environment, 'postgres', { DATABASE_URL: databaseUrl });
    }),
  ],
};

/** Each round has a server of its own: one that has held streams before does not ask the system for their memory. */
function idleCase(contender: ContenderName, ready: (environment: Environment) => Promise<Start>): Case {
  return {
    name: contender,
    contender,
    prepare: async (environment) => {
      const start = await ready(environment);
      return {
        measure: async (seconds) => {
          const server = await start(environment);
          const figures = await measureStreams(server, seconds / 3);
          await server.stop();
          return figures;
        },
        close: async () => {},
      };
    },
  };
}

async function measureStreams(server: ServerProcess, seconds: number): Promise<Figures> {
  const { origin } = server;
  const openSession = async (): Promise<CheckedSession> =>
    new CheckedSession(await SessionClient.open(origin));
  const contender = { origin, instances: [server], openSession };
  const callers = await Promise.all(Array.from({ length: CALLERS }, openSession));
  const workers = callers.map((session, n) => caller(session, keyNames(KEYS), MIX, n));
  const load = (): Promise<Figures> => measureLoad(contender, workers, seconds);
  await closeStreams(await openStreams(origin, await openIdleSessions(origin, WARM_UP)));
  // Collections make a server forget what it has compiled, and at first it has compiled nothing.
  await load();
  const before = await load();

  const empty = await heldMemory(server);
  const sessionIds = await openIdleSessions(origin, STREAMS);
  const withSessions = await heldMemory(server);
  const streams = await openStreams(origin, sessionIds);
  const withStreams = await heldMemory(server);
  await load();
  const during = await load();
  await closeStreams(streams);
  const after = await load();

  await Promise.all(callers.map((each) => each.close()));
  const alone = (figure: string): number => (figureOf(before, figure) + figureOf(after, figure)) / 2;
  const besideAlone = (figure: string): number => figureOf(during, figure) / alone(figure);
  const session = costOfEach(empty, withSessions, STREAMS);
  const stream = costOfEach(withSessions, withStreams, STREAMS);
  return {
    stream_kb: stream.held,
    stream_resident_kb: stream.resident,
    session_kb: session.held,
    session_resident_kb: session.resident,
    ...during,
    calls_per_s_x_alone: besideAlone('calls_per_s'),
    cpu_x_alone: besideAlone('cpu_us_per_call'),
  };
}

function figureOf(figures: Figures, name: string): number {
  return figures[name] ?? Number.NaN;
}

/** The least that an open stream costs on Node: no sessions, and nothing to call. */
function floorCase(): Case {
  return {
    name: 'bare',
    contender: 'bare',
    prepare: async (environment) => ({
      measure: async () => {
        const server = await ownProgram(environment, 'bare-streams.ts');
        const nobodys = (count: number): undefined[] => Array.from({ length: count });
        await closeStreams(await openStreams(server.origin, nobodys(WARM_UP)));
        const empty = await heldMemory(server);
        const streams = await openStreams(server.origin, nobodys(STREAMS));
        const stream = costOfEach(empty, await heldMemory(server), STREAMS);
        await closeStreams(streams);
        await server.stop();
        return { stream_kb: stream.held, stream_resident_kb: stream.resident };
      },
      close: async () => {},
    }),
  };
}

function ownProgram(environment: Environment, file: string, ...args: string[]): Promise<ServerProcess> {
  return environment.server([...programArguments(`servers/${file}`), ...args], { LOG_LEVEL: 'warn' });
}

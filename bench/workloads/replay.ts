import type { Environment } from '../contenders/environment.ts';
import { WrongAnswer } from '../load/answer.ts';
import { emit, emittedIn } from '../load/emitted.ts';
import { EventStream, type EventStreamOptions } from '../load/event-stream.ts';
import { SessionClient } from '../load/session-client.ts';
import { startEmitter } from './emitter.ts';
import type { Figures, PreparedCase, Workload } from './workload.ts';

const EVENTS = 10_000;
/** Each replay is a connection that opens the stream, which is an event of its own. */
const KEPT = 2 * EVENTS;
/** Stored at once by one call of the emitter. */
const PER_CALL = 1_000;

/** A client that has the first event of a long stream asks another instance for the rest. */
export const REPLAY: Workload = {
  name: 'replay',
  title: `replay of a stream of ${EVENTS.toLocaleString('en-US')} events, each checked`,
  cases: [{ name: 'postgres', contender: 'postgres', prepare }],
};

async function prepare(environment: Environment): Promise<PreparedCase> {
  const databaseUrl = await environment.database('replay');
  const settings = { MAX_EVENTS_PER_STREAM: String(KEPT) };
  const a = await startEmitter(environment, databaseUrl, settings);
  const b = await startEmitter(environment, databaseUrl, settings);
  const client = await SessionClient.open(a.origin);
  const { sessionId } = client;
  const lastEventId = await firstEventId(b.origin, sessionId);
  for (let from = 1; from <= EVENTS; from += PER_CALL) await emit(client, from, PER_CALL);
  const measure = async (): Promise<Figures> => {
    const before = await b.usage();
    const ms = await replay(b.origin, { sessionId, lastEventId });
    const after = await b.usage();
    return {
      events: EVENTS,
      replay_ms: ms,
      events_per_s: EVENTS / (ms / 1_000),
      cpu_us_per_event: (after.cpuMicros - before.cpuMicros) / EVENTS,
    };
  };
  await measure();
  return { measure, close: () => client.close() };
}

async function firstEventId(origin: string, sessionId: string): Promise<string> {
  let seen: (id: string) => void = () => {};
  const first = new Promise<string>((resolve) => {
    seen = resolve;
  });
  const stream = await EventStream.open(origin, {
    sessionId,
    onEvent: ({ id }) => id !== undefined && seen(id),
  });
  const id = await Promise.race([first, stream.failure]);
  await stream.close();
  return id;
}

/** @returns from the request until the client had the last event, in milliseconds */
async function replay(origin: string, from: EventStreamOptions): Promise<number> {
  let last = 0;
  let complete: (at: bigint) => void = () => {};
  const completed = new Promise<bigint>((resolve) => {
    complete = resolve;
  });
  const begun = process.hrtime.bigint();
  const stream = await EventStream.open(origin, {
    ...from,
    onEvent: (event, at) => {
      const emitted = emittedIn(event);
      if (emitted === undefined) return;
      if (emitted.number !== last + 1) throw new WrongAnswer(`event ${last + 1}`, event.data);
      last = emitted.number;
      if (last === EVENTS) complete(at);
    },
  });
  const ms = Number((await Promise.race([completed, stream.failure])) - begun) / 1e6;
  await stream.close();
  return ms;
}

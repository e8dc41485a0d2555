import { Connection } from './connection.ts';
import { EventStream } from './event-stream.ts';
import { SessionClient } from './session-client.ts';

/** As many as are opened at the same time. */
const AT_ONCE = 16;

/** Sessions that are initialized and then left alone, without a connection of their own. @returns their ids */
export async function openIdleSessions(origin: string, count: number): Promise<readonly string[]> {
  const share = Array.from({ length: AT_ONCE }, (_, n) => Math.floor((count + n) / AT_ONCE));
  const opened = await Promise.all(
    share.map(async (each) => {
      const connection = new Connection(origin);
      const ids: string[] = [];
      while (ids.length < each) ids.push((await SessionClient.openOn(connection)).sessionId);
      await connection.close();
      return ids;
    }),
  );
  return opened.flat();
}

/** One stream for each of the sessions. @param sessionIds `undefined` where the server has none */
export async function openStreams(
  origin: string,
  sessionIds: readonly (string | undefined)[],
): Promise<readonly EventStream[]> {
  const streams: EventStream[] = [];
  const left = [...sessionIds];
  const open = async (): Promise<void> => {
    while (left.length > 0) {
      const sessionId = left.pop();
      streams.push(await EventStream.open(origin, sessionId === undefined ? {} : { sessionId }));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, open));
  return streams;
}

/** @throws what ended one of them, if any has ended meanwhile */
export async function closeStreams(streams: readonly EventStream[]): Promise<void> {
  const broken = streams.find(({ ended }) => ended !== undefined);
  await Promise.all(streams.map((each) => each.close()));
  if (broken !== undefined) throw broken.ended;
}

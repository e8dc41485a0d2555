import { parseEventId, STANDALONE_STREAM } from '../../../domain/stream-name.ts';
import { Announcer, type AnnouncerOptions } from './announcer.ts';
import { StreamConnection } from './stream-connection.ts';
import type { OpenRequest, StreamOpener } from './stream-opener.ts';
import { Turns } from './turns.ts';

/** Sessions to which changes are announced at a time, so that calls find room beside them. */
const MOST_AT_ONCE = 8;
/** A server that its author takes longer to make does not hold up the others. */
const LONGEST_TURN_MS = 10_000;

/** Tells clients that are connected to their session's stream here what changes. */
export class Announcements {
  readonly #options: AnnouncerOptions;

  constructor(options: Omit<AnnouncerOptions, 'turns'>) {
    const { clock } = options.streams.options;
    this.#options = {
      ...options,
      turns: new Turns({ most: () => MOST_AT_ONCE, longestMs: LONGEST_TURN_MS, clock }),
    };
  }

  /** Opens a connection; while one to the session's own stream lasts, changes are announced on that. */
  async open(opener: StreamOpener, request: OpenRequest): ReturnType<StreamOpener['open']> {
    const { handle, lastEventId, onOver } = request;
    if (!isForSession(lastEventId)) return opener.open(request);
    const announcer = new Announcer(handle, this.#options);
    try {
      const opened = await opener.open({
        ...request,
        announcedUpTo: await announcer.prepare(),
        onOver: (connection) => {
          announcer.end();
          onOver(connection);
        },
      });
      if (opened instanceof StreamConnection) announcer.begin();
      else announcer.end();
      return opened;
    } catch (error) {
      announcer.end();
      throw error;
    }
  }
}

/** Whether whoever has this event last resumes the session's own stream, or opens it. */
function isForSession(lastEventId: string | undefined): boolean {
  return lastEventId === undefined || parseEventId(lastEventId)?.stream === STANDALONE_STREAM;
}

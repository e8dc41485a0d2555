import { randomBytes } from 'node:crypto';

/** One process that serves sessions: 16 hex digits, new with each start. */
export type InstanceId = string;

/** The stream of a session's GET connection: messages that belong to no call. Lives as long as the session. */
export const STANDALONE_STREAM = 'standalone';

/**
 * What the client posted for another instance than the one that took it: answers to requests of the server,
 * cancellations, progress. Never shown to a client.
 */
export const INBOUND_STREAM = 'inbound';

const CALL_STREAM = /^call-([0-9a-f]{16})-[0-9a-f]{16}$/;

const EVENT_ID = /^([a-z0-9-]{1,64})\.(0|[1-9]\d{0,11}|end)$/;

/** The sequence of no event, behind all that there will be: where a client stands that is to ask for no more. */
export const PAST_THE_END = Number.POSITIVE_INFINITY;

export function newInstanceId(): InstanceId {
  return randomBytes(8).toString('hex');
}

/** A stream for what answers one POST. It names the instance that runs the calls, even where all else is trimmed. */
export function newCallStream(owner: InstanceId): string {
  return `call-${owner}-${randomBytes(8).toString('hex')}`;
}

/** The instance that runs a call's stream; `undefined` for a stream that nobody owns. */
export function ownerOf(stream: string): InstanceId | undefined {
  return CALL_STREAM.exec(stream)?.[1];
}

/** Whether clients are given this stream's messages. */
export function isShown(stream: string): boolean {
  return stream === STANDALONE_STREAM || ownerOf(stream) !== undefined;
}

/** A place in a stream that a client can resume from. */
export interface StreamPosition {
  readonly stream: string;
  /** Of the last event that the client has; 0 for none. */
  readonly sequence: number;
}

/** As the client sees it: unique within the session, and naming its stream (2025-11-25, Resumability). */
export function eventId({ stream, sequence }: StreamPosition): string {
  return `${stream}.${sequence === PAST_THE_END ? 'end' : sequence}`;
}

/** `undefined` for whatever cannot be an id of a stream that is shown to clients. */
export function parseEventId(id: string): StreamPosition | undefined {
  const [, stream = '', sequence] = EVENT_ID.exec(id) ?? [];
  if (!isShown(stream)) return undefined;
  return { stream, sequence: sequence === 'end' ? PAST_THE_END : Number(sequence) };
}

import { eventId, parseEventId } from '../../src/domain/stream-name.ts';
import type { Message, SseEvent } from '../support/sse-connection.ts';

/** How many of its newest events a stream must keep at least in these runs: as few as a service can be told to. */
export const EVENTS_KEPT = 10;

/** An event as a reader has it. */
export interface ReadEvent extends SseEvent {
  /** The reader went on behind this one, past what is between. */
  readonly leftOutUpTo?: number;
}

/** Events of a stream of which the service said that it keeps them no longer; both ends are included. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** How it says so: in the error that a call's stream ends with, or in a warning on the session's own stream. */
const NOTICE = /\bevents? (\d+)(?: to (\d+))? of this (?:call|session)’s stream are no longer kept/;
const SERVICE = 'durable-mcp';

/** `undefined` for an event that carries none. */
export function messageOf({ data }: SseEvent): Message | undefined {
  return data ? (JSON.parse(data) as Message) : undefined;
}

/** The gap that an event announces; `undefined` for any other event. */
export function gapOf(event: SseEvent): Gap | undefined {
  const message = messageOf(event);
  const said = message?.error?.message ?? (message?.params?.logger === SERVICE ? message.params.data : '');
  const [, from, to = from] = NOTICE.exec(String(said)) ?? [];
  return from === undefined ? undefined : { from: Number(from), to: Number(to) };
}

export function gapsIn(events: readonly SseEvent[]): readonly Gap[] {
  return events.flatMap((event) => gapOf(event) ?? []);
}

/** The events that announce no gap. */
export function withoutGaps(events: readonly SseEvent[]): readonly SseEvent[] {
  return events.filter((event) => gapOf(event) === undefined);
}

/** Its place in its stream; of one that announces a gap, the last one that is lost. `undefined` without an id. */
export function sequenceOf(event: ReadEvent): number | undefined {
  if (event.id === undefined) return undefined;
  return event.leftOutUpTo ?? gapOf(event)?.to ?? parseEventId(event.id)?.sequence;
}

/** The id that asks for what is behind an event. */
export function idOf(event: ReadEvent): string | undefined {
  const stream = event.id === undefined ? undefined : parseEventId(event.id)?.stream;
  const sequence = sequenceOf(event);
  return stream === undefined || sequence === undefined ? event.id : eventId({ stream, sequence });
}

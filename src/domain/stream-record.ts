import { randomBytes } from 'node:crypto';
import { type HiddenTokens, hideTokens, restoreTokens } from './hidden-tokens.ts';
import type { RequestId } from './request-id.ts';

/** What one event of a stream is. */
export type StreamRecord =
  /** The first of a call's stream: these requests are answered on it. */
  | { readonly kind: 'begin'; readonly requests: readonly RequestId[] }
  /** A connection took the stream over: whichever had it before is to end. */
  | {
      readonly kind: 'open';
      /** Taken over by none: whoever had it may come back. */
      readonly toNobody: boolean;
      /** As a message has them. */
      readonly requests?: readonly RequestId[] | undefined;
      /** The stream has all that is due to it of the changes up to this one. */
      readonly announcedUpTo?: number | undefined;
      /** Unix milliseconds of its writer's clock, which tell it from others. */
      readonly at?: number | undefined;
    }
  /** Keeps the stream from expiring while a call says nothing. */
  | { readonly kind: 'alive'; readonly requests: readonly RequestId[] }
  | StreamMessage;

export interface StreamMessage {
  readonly kind: 'message';
  /** JSON-RPC, as JSON text. */
  readonly message: string;
  /** Who wrote it, and as its how-manieth: an append that had to be repeated may have been made twice. */
  readonly writer?: string | undefined;
  readonly number?: number | undefined;
  /** On a call's stream the requests that are answered on it, so that each is known where the rest is trimmed. */
  readonly requests?: readonly RequestId[] | undefined;
  /** Unix milliseconds of the writer's clock. */
  readonly at: number;
  /**
   * Digests in the message that look like session ids, but are to be read by whatever name a reader knows the session.
   * Only for appending.
   */
  readonly digests?: readonly string[] | undefined;
  /** True where placeholders are left in the message, because its reader knows the session by another name. */
  readonly isPartial?: true;
}

/**
 * As it lies in the log: short names, since each event carries them. Before them, what {@link HEAD} says, and behind
 * them what {@link MESSAGE} does.
 */
interface StoredRecord {
  readonly begin?: readonly RequestId[];
  readonly open?: 'connection' | 'nobody';
  readonly c?: number;
  readonly alive?: readonly RequestId[];
  readonly w?: string;
  readonly n?: number;
  readonly t?: number;
  readonly for?: readonly RequestId[];
}

/** The message, which is the last. No field can forge it: in a string, its quotes would be escaped. */
const MESSAGE = ',"m":';

/** What stands for the session's own id, and for others. No message can forge it: its place is behind `t`. */
const HEAD = /^\{(?:"hidden":"([^"]+)",)?(?:"sealed":\["([^"]+)","([^"]+)"\],)?/;

/**
 * The record as the log keeps it, JSON text. Session ids are bearer secrets that a tool's result may well carry: of
 * `sessionId` itself and of whatever else looks like one, placeholders stand in their place, which the record names.
 * What the others stand for is sealed with `sessionId`.
 *
 * @param sessionId the raw id. Where a caller is known by name it may be the session's reference, which is no secret:
 *   the ids that such a caller has are of no use to others.
 */
export function encodeRecord(record: StreamRecord, sessionId: string): string {
  const own = hideOwn(recordText(record), sessionId);
  const { text, hidden } = hideTokens(own.text, sessionId, record.kind === 'message' ? record.digests : []);
  const head = [
    ...(own.placeholder === undefined ? [] : [`"hidden":"${own.placeholder}",`]),
    ...(hidden === undefined ? [] : [`"sealed":["${hidden.mark}","${hidden.sealed}"],`]),
  ];
  return head.length === 0 ? text : `{${head.join('')}${text.slice(1)}`;
}

/**
 * @param sessionId as it was given to {@link encodeRecord}. With another name of the session the ids of other sessions,
 *   and what looks like them, stay placeholders.
 */
export function decodeRecord(data: string, sessionId: string): StreamRecord {
  const [head = '', placeholder, mark, sealed] = HEAD.exec(data) ?? [];
  let text = `{${data.slice(head.length)}`;
  let isPartial = false;
  if (mark !== undefined && sealed !== undefined) {
    const restored = restoreTokens(text, { mark, sealed } satisfies HiddenTokens, sessionId);
    isPartial = restored === undefined;
    text = restored ?? text;
  }
  // Last, since a token may be one only for what stands next to the session's own id.
  if (placeholder !== undefined) text = text.replaceAll(placeholder, () => sessionId);
  const [fields, message] = parted(text);
  const stored = JSON.parse(fields) as StoredRecord;
  if (stored.open !== undefined) {
    const toNobody = stored.open === 'nobody';
    return { kind: 'open', toNobody, requests: stored.for, announcedUpTo: stored.c, at: stored.t };
  }
  if (stored.begin !== undefined) return { kind: 'begin', requests: stored.begin };
  if (stored.alive !== undefined) return { kind: 'alive', requests: stored.alive };
  return {
    kind: 'message',
    message,
    writer: stored.w,
    number: stored.n,
    at: stored.t ?? 0,
    requests: stored.for,
    ...(isPartial ? { isPartial } : {}),
  };
}

/** The fields, as JSON, and the message's text: a client is sent that as it is, and never parsed here. */
function parted(text: string): readonly [fields: string, message: string] {
  const end = text.indexOf(MESSAGE);
  return end < 0 ? [text, ''] : [`${text.slice(0, end)}}`, text.slice(end + MESSAGE.length, -1)];
}

function hideOwn(
  text: string,
  sessionId: string,
): { readonly text: string; readonly placeholder: string | undefined } {
  if (!text.includes(sessionId)) return { text, placeholder: undefined };
  let placeholder: string;
  do placeholder = `session-id-${randomBytes(6).toString('hex')}`;
  while (text.includes(placeholder));
  return { text: text.replaceAll(sessionId, placeholder), placeholder };
}

function recordText(record: StreamRecord): string {
  switch (record.kind) {
    case 'begin':
      return JSON.stringify({ begin: record.requests });
    case 'open':
      return JSON.stringify({
        open: record.toNobody ? 'nobody' : 'connection',
        for: record.requests,
        c: record.announcedUpTo,
        t: record.at,
      });
    case 'alive':
      return JSON.stringify({ alive: record.requests });
    case 'message': {
      const { writer, number, at, requests, message } = record;
      const head = JSON.stringify({ w: writer, n: number, t: at, for: requests });
      // The message is text already.
      return `${head.slice(0, -1)}${MESSAGE}${message}}`;
    }
  }
}

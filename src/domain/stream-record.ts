import { randomBytes } from 'node:crypto';
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
}

/** As it lies in the log: short names, since each event carries them. */
interface StoredRecord {
  readonly hidden?: string;
  readonly begin?: readonly RequestId[];
  readonly open?: 'connection' | 'nobody';
  readonly c?: number;
  readonly alive?: readonly RequestId[];
  readonly w?: string;
  readonly n?: number;
  readonly t?: number;
  readonly for?: readonly RequestId[];
  readonly m?: unknown;
}

/**
 * The record as the log keeps it, JSON text. The raw session id is a bearer secret that a tool's result may
 * well carry: a placeholder stands in its place, which the record names.
 */
export function encodeRecord(record: StreamRecord, sessionId: string): string {
  const text = recordText(record);
  if (!text.includes(sessionId)) return text;
  let placeholder: string;
  do placeholder = `session-id-${randomBytes(6).toString('hex')}`;
  while (text.includes(placeholder));
  return `{"hidden":"${placeholder}",${text.replaceAll(sessionId, placeholder).slice(1)}`;
}

export function decodeRecord(data: string, sessionId: string): StreamRecord {
  let stored = JSON.parse(data) as StoredRecord;
  if (stored.hidden !== undefined) stored = JSON.parse(data.replaceAll(stored.hidden, sessionId));
  if (stored.open !== undefined) {
    const toNobody = stored.open === 'nobody';
    return { kind: 'open', toNobody, requests: stored.for, announcedUpTo: stored.c };
  }
  if (stored.begin !== undefined) return { kind: 'begin', requests: stored.begin };
  if (stored.alive !== undefined) return { kind: 'alive', requests: stored.alive };
  return {
    kind: 'message',
    message: JSON.stringify(stored.m),
    writer: stored.w,
    number: stored.n,
    at: stored.t ?? 0,
    requests: stored.for,
  };
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
      });
    case 'alive':
      return JSON.stringify({ alive: record.requests });
    case 'message': {
      const { writer, number, at, requests, message } = record;
      const head = JSON.stringify({ w: writer, n: number, t: at, for: requests });
      // The message is text already.
      return `${head.slice(0, -1)},"m":${message}}`;
    }
  }
}

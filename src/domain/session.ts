import { hash, randomBytes } from 'node:crypto';
import type { Principal } from './principal.ts';

/**
 * What the store knows a session by: the SHA-256 of its id, base64url. The id itself is a bearer secret and
 * is neither stored nor logged, so a stolen dump opens no session.
 */
export type SessionRef = string & { readonly __brand: 'SessionRef' };

/** The `params` of the client's `initialize` request, kept as received. */
export interface InitializeParams {
  readonly protocolVersion: string;
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly clientInfo: { readonly name: string; readonly version: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

/** What a store keeps of a session. All times are Unix milliseconds. */
export interface Session {
  readonly ref: SessionRef;
  readonly principal: Principal | undefined;
  /** `undefined` for a session that was not opened by an `initialize` request. */
  readonly initialize: InitializeParams | undefined;
  /** The revision that the server answered with, e.g. `2025-11-25`. */
  readonly protocolVersion: string | undefined;
  /** The last `logging/setLevel`. */
  readonly logLevel: string | undefined;
  /** URIs of `resources/subscribe`, without those unsubscribed since. */
  readonly subscriptions: readonly string[];
  readonly createdAt: number;
  readonly lastSeenAt: number;
  /** Sliding end. At this instant the session is already gone. Never later than `endsAt`. */
  readonly expiresAt: number;
  /** Absolute end, fixed at creation. */
  readonly endsAt: number;
  /**
   * How long this session may be unused, in ms, fixed at creation; `undefined`: as long as the service's
   * configuration says.
   */
  readonly idleMs: number | undefined;
  /** Counts changes of what a server is hydrated from; activity and values do not move it. From 1. */
  readonly version: number;
  /** Keys that hold a value. */
  readonly valueCount: number;
}

/** What can change about a session after it was opened. Absent fields stay as they are. */
export interface SessionChanges {
  readonly logLevel?: string;
  readonly subscriptions?: readonly string[];
}

/** The part of a session that an operation on its data needs, as the caller last read it. */
export type LiveSession = Pick<Session, 'ref' | 'expiresAt' | 'endsAt'>;

/** 32 random bytes, base64url: 43 visible ASCII characters, as the transport asks of a session id. */
export function newSessionId(): string {
  return randomBytes(32).toString('base64url');
}

export function sessionRef(id: string): SessionRef {
  return hash('sha256', id, 'base64url') as SessionRef;
}

const REFERENCE = /^ref:([A-Za-z0-9_-]{43})$/;

/** What lists show a session by: enough to name it for its principal, who is checked anyway. No secret. */
export function showRef(ref: SessionRef): string {
  return `ref:${ref}`;
}

/**
 * What the store knows a session by that a caller names. A reference counts for callers who are known by name
 * only: nobody else could be told from whoever read it somewhere.
 */
export function namedRef(name: string, principal: Principal | undefined): SessionRef {
  const [, ref] = (principal && REFERENCE.exec(name)) ?? [];
  return ref === undefined ? sessionRef(name) : (ref as SessionRef);
}

/** True from the very millisecond of `expiresAt` on. */
export function isExpired(session: Pick<Session, 'expiresAt'>, now: number): boolean {
  return now >= session.expiresAt;
}

/** How long a session may be unused. @param configuredMs for those that have no idle time of their own */
export function idleTime(session: Pick<Session, 'idleMs'>, configuredMs: number): number {
  return session.idleMs ?? configuredMs;
}

/**
 * When a session that is used at `now` expires: later by its idle time, but not past its absolute end.
 * @param configuredMs as for {@link idleTime}
 */
export function slidExpiry(
  session: Pick<Session, 'endsAt' | 'idleMs'>,
  now: number,
  configuredMs: number,
): number {
  return Math.min(now + idleTime(session, configuredMs), session.endsAt);
}

import type { ServerFactory } from '../adapters/mcp/server-factory.ts';
import { DEFAULT_LIMITS, type Limits, MAX_VALUE_BYTES } from '../domain/limits.ts';
import { DEFAULT_IDEMPOTENCY_RETENTION_MS } from '../domain/once.ts';
import type { SessionLifetime } from '../domain/sessions.ts';
import type { Authentication } from '../ports/authentication.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import { ALLOWED_HOST, ALLOWED_ORIGIN, type NameRule } from './allowed-names.ts';
import { DEFAULT_BODY_BYTES, DEFAULT_EVENT_RETENTION_MS, DEFAULT_LIFETIME } from './defaults.ts';
import { systemClock } from './system-clock.ts';

export interface DurableMcpOptions {
  /** Where sessions live: `postgresStore(…)`, `dynamodbStore(…)` or `memoryStore()`. Yours to close. */
  readonly store: Store;
  /**
   * Makes an MCP server. Of the SDK `@modelcontextprotocol/server`, it serves clients of all revisions: made once per
   * session and instance for those up to 2025-11-25, and once per request for 2026-07-28. A server of
   * `@modelcontextprotocol/sdk` serves the former only.
   */
  readonly server: ServerFactory;
  /**
   * Who may come in, and who they are: `jwtAuthentication(…)`. Sessions then belong to whoever opened them, and are as
   * if they had never been for everybody else. Without it and without `principal` all callers are one, and a session
   * id is all that is needed.
   */
  readonly authentication?: Authentication;
  /**
   * In place of `authentication`: whom a request comes from, as an authentication of your own in front has verified it.
   */
  readonly principal?: Authentication['principalOf'];
  /** How long sessions live, in milliseconds; 24 hours unused and 30 days in all by default. */
  readonly lifetime?: Partial<SessionLifetime>;
  /** What a session may hold, and how much there may be at one time; `DEFAULT_LIMITS` by default. */
  readonly limits?: Partial<Limits>;
  /**
   * For how long the messages of a call can be had after a broken connection, in milliseconds of at least 10,000; an
   * hour by default.
   */
  readonly eventRetentionMs?: number;
  /**
   * For how long a call that carried an idempotency key is known again, in milliseconds of at least 60,000; 24 hours by
   * default. See `session.once`.
   */
  readonly idempotencyRetentionMs?: number;
  /**
   * Secrets of at least 32 bytes each that `session.requestState` is sealed with, the same on all instances. The first
   * one seals, all of them open: to rotate, add the new one behind, then put it first, then drop the old one. None by
   * default: then there is no `session.requestState`.
   */
  readonly requestStateKeys?: readonly string[];
  /**
   * Further `Host` values that requests may carry, beside loopback names: such as `mcp.example.com`, for all ports, or
   * `mcp.example.com:8443`; in any case.
   */
  readonly allowedHosts?: readonly string[];
  /** Further `Origin` values that requests may carry, such as `https://app.example.com`, without a path; in any case. */
  readonly allowedOrigins?: readonly string[];
  /** Largest request body in bytes; 4 MiB by default. */
  readonly maxBodyBytes?: number;
  /** Told of failures of the store, as often as they happen. Must not throw. */
  readonly onStoreError?: (error: unknown) => void;
  /** Told of errors that nobody foresaw, with the reference that the client was given. Must not throw. */
  readonly onBug?: (error: unknown, reference: string) => void;
  /** The system's, unless a test sets the time. */
  readonly clock?: Clock;
}

export type ResolvedOptions = Required<
  Omit<DurableMcpOptions, 'lifetime' | 'limits' | 'authentication' | 'principal'>
> & {
  readonly authentication: Authentication | undefined;
  readonly lifetime: SessionLifetime;
  readonly limits: Limits;
};

/**
 * Fills in the defaults.
 * @throws RangeError that names the option and what it may be, TypeError for two that exclude each other
 */
export function resolveOptions(options: DurableMcpOptions): ResolvedOptions {
  const { lifetime = {}, limits = {} } = options;
  const resolved: ResolvedOptions = {
    store: options.store,
    server: options.server,
    authentication: authenticationOf(options),
    lifetime: {
      idleMs: lifetime.idleMs ?? DEFAULT_LIFETIME.idleMs,
      maxLifetimeMs: lifetime.maxLifetimeMs ?? Math.max(DEFAULT_LIFETIME.maxLifetimeMs, lifetime.idleMs ?? 0),
    },
    limits: {
      valueBytes: limits.valueBytes ?? DEFAULT_LIMITS.valueBytes,
      keysPerSession: limits.keysPerSession ?? DEFAULT_LIMITS.keysPerSession,
      eventsPerStream: limits.eventsPerStream ?? DEFAULT_LIMITS.eventsPerStream,
      sessionsPerPrincipal: limits.sessionsPerPrincipal ?? DEFAULT_LIMITS.sessionsPerPrincipal,
      streamsPerSession: limits.streamsPerSession ?? DEFAULT_LIMITS.streamsPerSession,
      streamsPerInstance: limits.streamsPerInstance ?? DEFAULT_LIMITS.streamsPerInstance,
    },
    eventRetentionMs: options.eventRetentionMs ?? DEFAULT_EVENT_RETENTION_MS,
    idempotencyRetentionMs: options.idempotencyRetentionMs ?? DEFAULT_IDEMPOTENCY_RETENTION_MS,
    requestStateKeys: options.requestStateKeys ?? [],
    allowedHosts: (options.allowedHosts ?? []).map((host) => host.toLowerCase()),
    allowedOrigins: (options.allowedOrigins ?? []).map((origin) => origin.toLowerCase()),
    maxBodyBytes: options.maxBodyBytes ?? DEFAULT_BODY_BYTES,
    onStoreError: options.onStoreError ?? (() => {}),
    onBug: options.onBug ?? (() => {}),
    clock: options.clock ?? systemClock,
  };
  assertWhole('lifetime.idleMs', resolved.lifetime.idleMs, 1);
  assertWhole('lifetime.maxLifetimeMs', resolved.lifetime.maxLifetimeMs, resolved.lifetime.idleMs);
  assertWhole('limits.valueBytes', resolved.limits.valueBytes, 1, MAX_VALUE_BYTES);
  assertWhole('limits.keysPerSession', resolved.limits.keysPerSession, 1, 1_000_000);
  assertWhole('limits.eventsPerStream', resolved.limits.eventsPerStream, 1, 1_000_000);
  assertWhole('limits.sessionsPerPrincipal', resolved.limits.sessionsPerPrincipal, 1, 1_000_000);
  assertWhole('limits.streamsPerSession', resolved.limits.streamsPerSession, 1, 1_000_000);
  assertWhole('limits.streamsPerInstance', resolved.limits.streamsPerInstance, 1, 1_000_000);
  assertWhole('eventRetentionMs', resolved.eventRetentionMs, 10_000);
  assertWhole('idempotencyRetentionMs', resolved.idempotencyRetentionMs, 60_000);
  assertWhole('maxBodyBytes', resolved.maxBodyBytes, 1);
  assertNames('allowedHosts', resolved.allowedHosts, ALLOWED_HOST);
  assertNames('allowedOrigins', resolved.allowedOrigins, ALLOWED_ORIGIN);
  return resolved;
}

function authenticationOf({ authentication, principal }: DurableMcpOptions): Authentication | undefined {
  if (principal === undefined) return authentication;
  if (authentication === undefined) return { principalOf: principal };
  throw new TypeError('authentication and principal both say whom a request comes from: give one of them');
}

function assertWhole(name: string, value: number, min: number, max: number = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${name} must be a whole number from ${min} to ${max}, but is ${value}`);
}

function assertNames(name: string, names: readonly string[], { pattern, rule }: NameRule): void {
  const odd = names.find((each) => !pattern.test(each));
  if (odd !== undefined) throw new RangeError(`${name} must be ${rule}, but one is ${JSON.stringify(odd)}`);
}

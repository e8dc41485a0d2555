import { LRUCache } from 'lru-cache';
import { type McpHandler, mcpHandler } from '../adapters/http/mcp-handler.ts';
import { SessionEndpoint } from '../adapters/mcp/sessions/session-endpoint.ts';
import type { ServerFactory } from '../adapters/mcp/sessions/session-server.ts';
import { DEFAULT_LIMITS, type Limits } from '../domain/limits.ts';
import { Liveness } from '../domain/liveness.ts';
import type { SessionRef } from '../domain/session.ts';
import { type SessionLifetime, Sessions } from '../domain/sessions.ts';
import { newInstanceId } from '../domain/stream-name.ts';
import { Streams } from '../domain/streams.ts';
import { within } from '../domain/within.ts';
import type { Clock } from '../ports/clock.ts';
import type { CachedSession } from '../ports/session-cache.ts';
import type { Store } from '../ports/store.ts';
import { DEFAULT_BODY_BYTES, DEFAULT_EVENT_RETENTION_MS, DEFAULT_LIFETIME, FINISH_MS } from './defaults.ts';
import { sweepRegularly } from './sweep.ts';
import { systemClock } from './system-clock.ts';

/** Session records kept in memory. At about 1 KB each, 10 MB. */
const CACHED_SESSIONS = 10_000;

export interface DurableMcpOptions {
  /** Where sessions live: `postgresStore(…)`, `dynamodbStore(…)` or `memoryStore()`. Yours to close. */
  readonly store: Store;
  /** Makes the MCP server of one session. Called once per session and instance, and again after a restart. */
  readonly server: ServerFactory;
  /** How long sessions live; 24 hours unused and 30 days in all by default. */
  readonly lifetime?: Partial<SessionLifetime>;
  readonly limits?: Partial<Limits>;
  /** For how long the messages of a call can be had after a broken connection; an hour by default. */
  readonly eventRetentionMs?: number;
  /** Further `Host` values that requests may carry, beside loopback names. */
  readonly allowedHosts?: readonly string[];
  /** Further `Origin` values that requests may carry, such as `https://app.example.com`. */
  readonly allowedOrigins?: readonly string[];
  /** Largest request body in bytes; 4 MiB by default. */
  readonly maxBodyBytes?: number;
  /** Told of failures of the store, as often as they happen. */
  readonly onStoreError?: (error: unknown) => void;
  /** Told of errors that nobody foresaw, with the reference that the client was given in their place. */
  readonly onBug?: (error: unknown, reference: string) => void;
  readonly clock?: Clock;
}

/** An MCP endpoint that any instance on the same store serves. */
export interface DurableMcp {
  /** The endpoint as a web-standard handler. Mount it under any path for all methods. */
  readonly fetch: McpHandler;
  /** Why requests should go to another instance, for a readiness probe; `undefined` if they may come. */
  notReady(): Promise<string | undefined>;
  /** The first step of a graceful stop: from now on {@link notReady} tells balancers to go elsewhere. */
  drain(): void;
  /**
   * The second step: ends the connections to streams, so that their clients resume on another instance. What runs
   * goes on.
   */
  endStreams(): void;
  /** Resolves when no call runs. */
  idle(): Promise<void>;
  /** Ends what still runs, each call with an error that says so. Later requests are refused with 503. */
  stop(): Promise<void>;
  /**
   * All steps at once: ends streams, lets calls finish for up to `finishMs` (7,000 by default), stops, writes down
   * what is still in memory and ends background work. The store stays open.
   */
  close(options?: { readonly finishMs?: number }): Promise<void>;
}

/**
 * Puts the parts together: which adapter serves which port is decided here and nowhere else.
 *
 * @example
 * const mcp = durableMcp({ store: postgresStore({ connectionString }), server: (session) => makeServer(session) });
 * app.all('/mcp', (c) => mcp.fetch(c.req.raw, c.env));
 */
export function durableMcp(options: DurableMcpOptions): DurableMcp {
  const { store, clock = systemClock, onStoreError = () => {}, onBug = () => {} } = options;
  const sessions = new Sessions({
    repository: store.sessions,
    signals: store.signals,
    cache: new LRUCache<SessionRef, CachedSession>({
      max: CACHED_SESSIONS,
      dispose: ({ release }) => release(),
    }),
    clock,
    lifetime: { ...DEFAULT_LIFETIME, ...options.lifetime },
    onError: onStoreError,
  });
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const streams = new Streams({
    events: store.events,
    signals: store.signals,
    clock,
    keep: limits.eventsPerStream,
    retentionMs: options.eventRetentionMs ?? DEFAULT_EVENT_RETENTION_MS,
    onError: onStoreError,
  });
  const liveness = new Liveness({
    instance: newInstanceId(),
    instances: store.instances,
    clock,
    onError: onStoreError,
  });
  const endpoint = new SessionEndpoint({
    sessions,
    repository: store.sessions,
    limits,
    server: options.server,
    streams,
    liveness,
  });
  const stopSweeping = sweepRegularly({ sessions: store.sessions, clock, onError: onStoreError });
  let draining = false;
  return {
    fetch: mcpHandler({
      endpoint,
      exposure: { hosts: options.allowedHosts ?? [], origins: options.allowedOrigins ?? [] },
      bodyBytes: options.maxBodyBytes ?? DEFAULT_BODY_BYTES,
      onBug,
      onStoreError,
    }),
    notReady: async () => {
      if (draining) return 'stopping';
      try {
        await store.check();
        return undefined;
      } catch (error) {
        onStoreError(error);
        return error instanceof Error ? error.message : 'the store does not answer';
      }
    },
    drain: () => {
      draining = true;
    },
    endStreams: () => endpoint.endStreams(),
    idle: () => endpoint.idle(),
    stop: () => endpoint.stop(),
    close: async ({ finishMs = FINISH_MS } = {}) => {
      draining = true;
      endpoint.endStreams();
      await within(endpoint.idle(), finishMs);
      await endpoint.stop();
      stopSweeping();
      await Promise.all([sessions.activity.flush(), liveness.close()]);
    },
  };
}

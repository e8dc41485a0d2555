import { LRUCache } from 'lru-cache';
import { type McpHandler, mcpHandler } from '../adapters/http/mcp-handler.ts';
import { resourceMetadataResponse } from '../adapters/http/protected-resource.ts';
import { CallerSession } from '../adapters/mcp/caller-session.ts';
import { type ChangeNotifier, changeNotifier } from '../adapters/mcp/change-notifier.ts';
import { RequestStates } from '../adapters/mcp/request-state.ts';
import { SessionEndpoint } from '../adapters/mcp/sessions/session-endpoint.ts';
import { SdkStatelessEndpoint } from '../adapters/mcp/stateless/stateless-endpoint.ts';
import { Changes } from '../domain/changes.ts';
import { Liveness } from '../domain/liveness.ts';
import { Occupancy } from '../domain/occupancy.ts';
import { Once } from '../domain/once.ts';
import type { SessionRef } from '../domain/session.ts';
import { SessionQuota } from '../domain/session-quota.ts';
import { Sessions } from '../domain/sessions.ts';
import { SharedLog } from '../domain/shared-log.ts';
import { SingleUse } from '../domain/single-use.ts';
import { newInstanceId } from '../domain/stream-name.ts';
import { Streams } from '../domain/streams.ts';
import { within } from '../domain/within.ts';
import type { CachedSession } from '../ports/session-cache.ts';
import { FINISH_MS } from './defaults.ts';
import { type DurableMcpOptions, resolveOptions } from './durable-mcp-options.ts';
import { sweepRegularly } from './sweep.ts';

/** Session records kept in memory. At about 1 KB each, 10 MB. */
const CACHED_SESSIONS = 10_000;
/** For changes that were just published to reach the log. */
const FLUSH_MS = 1_000;

/** An MCP endpoint that any instance on the same store serves. */
export interface DurableMcp {
  /** The endpoint as a web-standard handler. Mount it under any path for all methods. */
  readonly fetch: McpHandler;
  readonly notify: ChangeNotifier;
  /**
   * With `authentication`: the document that tells clients where to get a token (RFC 9728). Clients look for it at
   * `/.well-known/oauth-protected-resource`, followed by the path of the endpoint's public URL. Without, a 404.
   */
  resourceMetadata(): Response;
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
 * Makes an MCP endpoint of a store and of the servers that you write. What a client was told is stored survives
 * every instance, and any instance on the same store serves any request of any session: calls, streams and their
 * resumption, answers to requests of the server, cancellation.
 *
 * A server is made per session *and instance*, so what it keeps in memory is one instance's alone: keep in
 * `session` what is to last. The store's tables must be there; without them requests are answered with 503.
 *
 * @example
 * const mcp = durableMcp({ store: postgresStore({ connectionString }), server: (session) => makeServer(session) });
 * app.all('/mcp', (c) => mcp.fetch(c.req.raw, c.env));
 *
 * @throws RangeError if an option is out of its limits, TypeError if two exclude each other
 */
export function durableMcp(options: DurableMcpOptions): DurableMcp {
  // Which adapter serves which port is decided here and nowhere else.
  const {
    store,
    server,
    clock,
    lifetime,
    limits,
    eventRetentionMs,
    authentication,
    idempotencyRetentionMs,
    requestStateKeys,
    onStoreError,
    onBug,
    ...http
  } = resolveOptions(options);
  const sessions = new Sessions({
    repository: store.sessions,
    signals: store.signals,
    cache: new LRUCache<SessionRef, CachedSession>({
      max: CACHED_SESSIONS,
      dispose: ({ release }) => release(),
    }),
    clock,
    lifetime,
    quota: new SessionQuota(store.directory, limits.sessionsPerPrincipal),
    onError: onStoreError,
  });
  const occupancy = new Occupancy(limits);
  const streams = new Streams({
    events: store.events,
    signals: store.signals,
    clock,
    keep: limits.eventsPerStream,
    retentionMs: eventRetentionMs,
    onError: onStoreError,
  });
  const liveness = new Liveness({
    instance: newInstanceId(),
    instances: store.instances,
    clock,
    onError: onStoreError,
  });
  const sharedLog = new SharedLog({ repository: store.sessions, streams, clock });
  const changes = new Changes({ log: sharedLog, clock, onError: onStoreError });
  const notify = changeNotifier(changes, onStoreError);
  const state = {
    sessions,
    repository: store.sessions,
    directory: store.directory,
    limits,
    once: new Once({ streams, liveness, idempotencyRetentionMs }),
    notify,
    service: { storage: store.name, lifetime, limits, authenticates: authentication !== undefined, onBug },
    requestStates:
      requestStateKeys.length === 0
        ? undefined
        : new RequestStates({
            keys: requestStateKeys,
            clock,
            singleUse: new SingleUse({ log: sharedLog, clock, onError: onStoreError }),
          }),
  };
  const endpoint = new SessionEndpoint({ ...state, server, streams, liveness, changes, occupancy });
  const stateless = new SdkStatelessEndpoint({
    server: ({ message, ...origin }) =>
      server(new CallerSession({ ...origin, sessionId: undefined, request: message }, state)),
    changes,
    occupancy,
    onError: onStoreError,
    onBug,
  });
  const stopSweeping = sweepRegularly({ sessions: store.sessions, clock, onError: onStoreError });
  const resource = authentication?.resource;
  // A server answers for the name that it gives its clients.
  const ownHosts = resource === undefined ? [] : [new URL(resource.url).host];
  let draining = false;
  const endStreams = (): void => {
    endpoint.endStreams();
    stateless.endStreams().catch(onStoreError);
  };
  const idle = async (): Promise<void> => {
    await Promise.all([endpoint.idle(), stateless.idle()]).then(() => state.once.idle());
  };
  const stop = async (): Promise<void> => {
    await Promise.all([endpoint.stop(), stateless.stop()]);
  };
  return {
    fetch: mcpHandler({
      endpoint,
      stateless,
      authentication,
      exposure: { hosts: [...ownHosts, ...http.allowedHosts], origins: http.allowedOrigins },
      bodyBytes: http.maxBodyBytes,
      onBug,
      onStoreError,
    }),
    notify,
    resourceMetadata: () =>
      resource === undefined ? new Response(null, { status: 404 }) : resourceMetadataResponse(resource),
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
    endStreams,
    idle,
    stop,
    close: async ({ finishMs = FINISH_MS } = {}) => {
      draining = true;
      endStreams();
      await within(idle(), finishMs);
      await stop();
      stopSweeping();
      const published = within(changes.flush(), FLUSH_MS).then(() => changes.close());
      await Promise.all([published, sessions.activity.flush(), liveness.close()]);
    },
  };
}

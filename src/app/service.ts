import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { httpApp } from '../adapters/http/app.ts';
import { SessionEndpoint } from '../adapters/mcp/sessions/session-endpoint.ts';
import { stateServer } from '../adapters/mcp/tools/state-server.ts';
import type { SessionRef } from '../domain/session.ts';
import { Sessions } from '../domain/sessions.ts';
import type { Clock } from '../ports/clock.ts';
import type { McpEndpoint } from '../ports/mcp-endpoint.ts';
import type { CachedSession } from '../ports/session-cache.ts';
import type { Store } from '../ports/store.ts';
import type { ServerConfig } from './config.ts';
import { StoreErrorLog } from './store-error-log.ts';
import { sweepRegularly } from './sweep.ts';
import { VERSION } from './version.ts';

/** Session records kept in memory. At about 1 KB each, 10 MB. */
const CACHED_SESSIONS = 10_000;

/** The wired-up service: everything but the socket. */
export interface Service {
  readonly app: ReturnType<typeof httpApp>;
  readonly endpoint: McpEndpoint;
  /** Makes `/readyz` say that requests should go elsewhere. */
  drain(): void;
  /** Writes down what is still in memory and ends background work; the store stays open. */
  close(): Promise<void>;
}

/** Puts the parts together: which adapter serves which port is decided here and nowhere else. */
export function createService(options: {
  readonly config: Omit<ServerConfig, 'store'>;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}): Service {
  const { config, store, clock, logger } = options;
  const storeErrors = new StoreErrorLog(logger, clock);
  const onError = (error: unknown): void => storeErrors.report(error);
  const onBug = (error: unknown, reference: string): void =>
    logger.error({ err: error, reference }, 'unexpected error');

  const sessions = new Sessions({
    repository: store.sessions,
    signals: store.signals,
    cache: new LRUCache<SessionRef, CachedSession>({
      max: CACHED_SESSIONS,
      dispose: ({ release }) => release(),
    }),
    clock,
    lifetime: config.lifetime,
    onError,
  });
  const endpoint = new SessionEndpoint({
    sessions,
    repository: store.sessions,
    limits: config.limits,
    server: stateServer({
      name: 'durable-mcp',
      version: VERSION,
      storage: store.name,
      lifetime: config.lifetime,
      limits: config.limits,
      onBug,
    }),
  });
  let draining = false;
  const app = httpApp({
    endpoint,
    exposure: { hosts: config.allowedHosts, origins: config.allowedOrigins },
    bodyBytes: config.bodyBytes,
    notReady: async () => {
      if (draining) return 'stopping';
      try {
        await store.check();
        return undefined;
      } catch (error) {
        onError(error);
        return error instanceof Error ? error.message : 'the store does not answer';
      }
    },
    onBug,
    onStoreError: onError,
  });
  const stopSweeping = sweepRegularly({ sessions: store.sessions, clock, onError });
  return {
    app,
    endpoint,
    drain: () => {
      draining = true;
    },
    close: async () => {
      stopSweeping();
      await sessions.activity.flush();
    },
  };
}

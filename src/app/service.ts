import type { Logger } from 'pino';
import { jwtAuthentication } from '../adapters/auth/jwt-authentication.ts';
import { httpApp } from '../adapters/http/app.ts';
import type { ServerFactory } from '../adapters/mcp/server-factory.ts';
import { stateServer } from '../adapters/mcp/tools/state-server.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import type { ServerConfig } from './config.ts';
import { type DurableMcp, durableMcp } from './durable-mcp.ts';
import { StoreErrorLog } from './store-error-log.ts';
import { VERSION } from './version.ts';

/** The wired-up service: everything but the socket. */
export interface Service {
  readonly app: ReturnType<typeof httpApp>;
  readonly mcp: DurableMcp;
}

export interface ServiceOptions {
  readonly config: Omit<ServerConfig, 'store'>;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where what the store could not do is told; one that all share who tell it. */
  readonly storeErrors?: StoreErrorLog;
  /** Which server each session gets; that of the state tools by default. */
  readonly server?: ServerFactory;
}

/** The service of the state tools, written on the library as any other author's would be. */
export function createService({
  config,
  store,
  clock,
  logger,
  storeErrors = new StoreErrorLog(logger, clock),
  server,
}: ServiceOptions): Service {
  const onBug = (error: unknown, reference: string): void =>
    logger.error({ err: error, reference }, 'unexpected error');
  const authentication =
    config.authentication &&
    jwtAuthentication({
      ...config.authentication,
      onError: ({ cause }) =>
        logger.warn({ err: cause }, 'the keys of the issuer of access tokens are not to be had'),
    });
  const mcp = durableMcp({
    ...(authentication === undefined ? {} : { authentication }),
    store,
    server: server ?? stateServer({ name: 'durable-mcp', version: VERSION }),
    lifetime: config.lifetime,
    limits: config.limits,
    eventRetentionMs: config.eventRetentionMs,
    idempotencyRetentionMs: config.idempotencyRetentionMs,
    requestStateKeys: config.requestStateKeys,
    allowedHosts: config.allowedHosts,
    allowedOrigins: config.allowedOrigins,
    maxBodyBytes: config.bodyBytes,
    onStoreError: (error) => storeErrors.report(error),
    onBug,
    clock,
  });
  const app = httpApp({
    mcp: mcp.fetch,
    notReady: () => mcp.notReady(),
    resource: authentication?.resource,
    onBug,
  });
  return { app, mcp };
}

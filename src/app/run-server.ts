import type { ServerFactory } from '../adapters/mcp/server-factory.ts';
import { StoreNotSetUp } from '../domain/errors.ts';
import { within } from '../domain/within.ts';
import type { ServerConfig } from './config.ts';
import type { HttpServer } from './http-server.ts';
import { createLogger } from './logger.ts';
import { StoreErrorLog } from './store-error-log.ts';
import { openStore } from './stores/open-store.ts';
import type { StoreAccess } from './stores/store-access.ts';
import { systemClock } from './system-clock.ts';

/** Each of two steps must not hold up the exit, which is promised within 10 s: what is lost then is a little activity. */
const CLOSE_MS = 600;

/**
 * Starts the server, says on stdout when it is ready, and serves until SIGTERM or SIGINT; then the process
 * ends with exit code 0.
 *
 * @param factory makes each session's MCP server; the state tools' own if left out
 * @throws if it cannot start; nothing is left running then
 */
export async function runServer(config: ServerConfig, factory?: ServerFactory): Promise<void> {
  const logger = createLogger(config.logLevel);
  const storeErrors = new StoreErrorLog(logger, systemClock);
  // The server's modules are loaded while an embedded engine starts.
  const [access, { createService }, { listen }] = await Promise.all([
    openStore(config.store, { onError: (error) => storeErrors.report(error) }),
    import('./service.ts'),
    import('./http-server.ts'),
  ]);
  let server: HttpServer;
  try {
    await prepareTables(access, config.createTablesIfMissing);
    const service = createService({
      config,
      store: access.store,
      clock: systemClock,
      logger,
      storeErrors,
      ...(factory === undefined ? {} : { server: factory }),
    });
    server = await listen(service, config);
    let stopping = false;
    const stop = async (signal: string): Promise<void> => {
      // A terminal and npm each pass on a Ctrl-C, so a second signal is no sign of impatience.
      if (stopping) return;
      stopping = true;
      logger.info({ signal }, 'stopping');
      service.mcp.drain();
      await new Promise((resolve) => setTimeout(resolve, config.drainDelayMs));
      await server.stop();
      await bounded(service.mcp.close(), CLOSE_MS).catch((error: unknown) =>
        logger.warn({ err: error }, 'the last activity was not written'),
      );
      await bounded(access.close(), CLOSE_MS).catch((error: unknown) =>
        logger.warn({ err: error }, 'the store did not close in time'),
      );
      logger.info('stopped');
      process.exit(0);
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
  } catch (error) {
    await access.close();
    throw error;
  }
  const issuer = config.authentication?.issuer ?? 'none: callers are not asked who they are';
  logger.info({ store: access.store.name, location: access.location, issuer }, 'started');
  process.stdout.write(`durable-mcp listening on ${server.origin}/mcp (${access.store.name})\n`);
}

async function prepareTables(access: StoreAccess, create: boolean): Promise<void> {
  try {
    await access.store.check();
  } catch (error) {
    if (!create || !(error instanceof StoreNotSetUp)) throw error;
    await access.setUp();
    await access.store.check();
  }
}

async function bounded(work: Promise<void>, ms: number): Promise<void> {
  if (!(await within(work, ms))) throw new Error(`not done within ${ms} ms`);
}

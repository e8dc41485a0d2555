import type { StoreName } from '../../src/app/store-config.ts';
import { problemsOf, stopInstance } from '../conformance/instances.ts';
import { type Server, type Servers, serversOn } from '../e2e/servers.ts';
import type { RandomProxy } from '../support/random-proxy.ts';
import { pause } from './pause.ts';
import { type StoreEngine, startStoreEngine } from './store-engine.ts';
import { type StoreLink, startStoreLink } from './store-link.ts';
import { EVENTS_KEPT } from './stream-events.ts';

/** An instance refuses to start while the store does not answer. */
const START_ATTEMPTS = 10;
const ATTEMPT_PAUSE_MS = 500;

/** Several instances in processes of their own, on one new store that they reach over a link. */
export class Fleet {
  readonly link: StoreLink;
  readonly #servers: Servers;
  readonly #engine: StoreEngine;
  readonly #proxy: RandomProxy;
  readonly #environment: Record<string, string>;
  readonly #live = new Set<Server>();
  readonly #started: Server[] = [];
  readonly #crashes: string[] = [];
  #restarts: readonly Promise<unknown>[] = [];
  #isClosing = false;

  private constructor(
    store: StoreName,
    parts: {
      readonly engine: StoreEngine;
      readonly servers: Servers;
      readonly link: StoreLink;
      readonly proxy: RandomProxy;
    },
  ) {
    this.#servers = parts.servers;
    this.#engine = parts.engine;
    this.#proxy = parts.proxy;
    this.link = parts.link;
    const storeVariable = store === 'postgres' ? 'DATABASE_URL' : 'AWS_ENDPOINT_URL_DYNAMODB';
    this.#environment = {
      [storeVariable]: this.link.url,
      LOG_LEVEL: 'error',
      MAX_EVENTS_PER_STREAM: String(EVENTS_KEPT),
    };
  }

  /** @throws Error if one does not start; nothing is left running then */
  static async start(store: StoreName, count: number, proxy: RandomProxy): Promise<Fleet> {
    const engine = await startStoreEngine(store);
    const servers = await serversOn(store, { startEngine: async () => engine });
    const link = await startStoreLink(engine.url);
    const fleet = new Fleet(store, { engine, servers, link, proxy });
    try {
      for (let started = 0; started < count; started += 1) await fleet.#start();
    } catch (error) {
      await fleet.close();
      throw error;
    }
    return fleet;
  }

  /** Kills so many without a word, and starts as many anew. @returns how many there were to kill */
  async kill(count: number, restartAfterMs: number): Promise<number> {
    const victims = [...this.#live].slice(0, count);
    // A live one is at the front for longest: the next to be killed is another.
    for (const victim of victims) this.#live.delete(victim);
    await Promise.all(victims.map((victim) => victim.process.kill('SIGKILL')));
    for (const victim of victims) {
      const restart = pause(restartAfterMs).then(async () => {
        this.#proxy.remove(victim.origin);
        await this.#startAgain();
      });
      // Told of by `whole`.
      restart.catch(() => {});
      this.#restarts = [...this.#restarts, restart];
    }
    return victims.length;
  }

  /**
   * Stops one where it is: it has its connections and its calls, and does nothing, until the returned function is
   * called. Nobody kills it meanwhile.
   *
   * @param options.isNoticed no request goes there any more, and connections break, as with a balancer that looks
   * @returns `undefined` if none is alive
   */
  async freeze({ isNoticed = false } = {}): Promise<(() => void) | undefined> {
    await this.whole();
    const [server] = this.#live;
    if (server === undefined) return undefined;
    this.#live.delete(server);
    if (isNoticed) this.#proxy.remove(server.origin);
    server.process.child.kill('SIGSTOP');
    if (isNoticed) this.#proxy.cut();
    return () => {
      server.process.child.kill('SIGCONT');
      this.#live.add(server);
      this.#proxy.add(server.origin);
    };
  }

  /** Kills the store without a word, and starts it again. */
  async killStore(downMs: number): Promise<void> {
    await this.#engine.kill?.(downMs);
  }

  /** Resolves when all serve that were killed. @throws Error if one does not start */
  async whole(): Promise<void> {
    const restarts = this.#restarts;
    await Promise.all(restarts);
    this.#restarts = this.#restarts.filter((each) => !restarts.includes(each));
  }

  /** Ends all in order. @returns what went wrong in any that ever ran, one line each */
  async stop(): Promise<readonly string[]> {
    this.#isClosing = true;
    const live = [...this.#live];
    const ended = this.#started.filter((server) => !this.#live.has(server));
    this.#live.clear();
    const stopped = await Promise.all(live.map((server) => stopInstance(server.process)));
    return [...this.#crashes, ...ended.flatMap((server) => problemsOf(server.process)), ...stopped.flat()];
  }

  /** Kills what still runs, and removes all data. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#live.clear();
    await this.#servers.close();
    await Promise.allSettled(this.#restarts);
    // What was starting just then.
    await Promise.all(this.#started.map((server) => server.process.kill('SIGKILL')));
    await this.link.close();
  }

  async #startAgain(): Promise<void> {
    for (let attempt = 1; !this.#isClosing; attempt += 1) {
      try {
        return await this.#start();
      } catch (error) {
        if (attempt === START_ATTEMPTS) throw error;
        await pause(ATTEMPT_PAUSE_MS);
      }
    }
  }

  async #start(): Promise<void> {
    const server = await this.#servers.start(this.#environment);
    this.#started.push(server);
    this.#live.add(server);
    this.#proxy.add(server.origin);
    void server.process.exit().then((code) => {
      if (!this.#live.delete(server) || this.#isClosing) return;
      const tail = server.process.stderr.trimEnd().split('\n').slice(-3).join(' | ');
      this.#crashes.push(`process ${server.process.child.pid} ended by itself with ${code}: ${tail}`);
    });
  }
}

import { setTimeout as pause } from 'node:timers/promises';
import { times } from '../contract/fixtures.ts';
import { BRIEF_VISITS, FULL_VISITS, leaveSession, type Visit } from './visits.ts';

/** Between two visits of one client, in ms: the load leaves the machine room. */
const BREATH_MS = 20;
/** Of each kind, at one time. */
const CLIENTS = 6;

/** What the clients did so far. */
export interface Done {
  readonly sessions: number;
  readonly calls: number;
}

/** Clients of two instances that come and go: some do all there is, others little and often. */
export class Load {
  readonly visits = new Map<string, number>();
  readonly failures: string[] = [];
  readonly #urls: readonly [string, string];
  readonly #random: () => number;
  readonly #stop = new AbortController();
  #calls = 0;
  #over: Promise<unknown> = Promise.resolve();

  constructor(urls: readonly [string, string], random: () => number) {
    this.#urls = urls;
    this.#random = random;
  }

  get done(): Done {
    return { sessions: [...this.visits.values()].reduce((sum, count) => sum + count, 0), calls: this.#calls };
  }

  start(): void {
    const clients = [FULL_VISITS, BRIEF_VISITS].flatMap((visits) =>
      times(CLIENTS, () => this.#visitAgainAndAgain(Object.entries(visits))),
    );
    this.#over = Promise.all(clients);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#over;
  }

  async #visitAgainAndAgain(visits: readonly (readonly [string, Visit])[]): Promise<void> {
    const [first, second] = this.#urls;
    while (!this.#stop.signal.aborted) {
      const [name, visit] = visits[Math.floor(this.#random() * visits.length)] as (typeof visits)[number];
      try {
        const calls = await (this.#random() < 0.5 ? visit(first, second) : visit(second, first));
        // Read after the visit: others made theirs meanwhile.
        this.#calls += calls;
        this.visits.set(name, (this.visits.get(name) ?? 0) + 1);
      } catch (error) {
        this.failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
      await pause(BREATH_MS);
    }
  }
}

/** More than the sessions whose servers an instance keeps ready: from then on each new one takes an old one's place. */
const SERVERS_KEPT = 1_100;

/**
 * Brings both instances to where their caches are full, which may take as much memory as it does.
 * @param keys that each session gets; with 10, as many as an instance remembers in all
 */
export async function fillCaches(urls: readonly string[], keys: number): Promise<void> {
  for (const url of urls) {
    let left = SERVERS_KEPT;
    await Promise.all(
      times(CLIENTS, async () => {
        while (left > 0) {
          left -= 1;
          await leaveSession(url, keys);
        }
      }),
    );
  }
}

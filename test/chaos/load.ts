import { setMaxListeners } from 'node:events';
import { RawClient } from '../support/raw-client.ts';
import { Chance } from './chance.ts';
import { type History, KINDS, type Kind } from './history.ts';
import { OfficialClient } from './official-client.ts';
import { pause } from './pause.ts';
import { SessionListener } from './session-listener.ts';
import { KEYS, StateClient } from './state-client.ts';
import { StreamClient } from './stream-client.ts';
import { gapsAnnouncedIn } from './stream-tallies.ts';
import { callerByHandle, callerInSession, type ToolCaller } from './tool-callers.ts';

const SESSIONS = 3;
const OFFICIAL_CLIENTS = 2;
/** Between two things that one client does, at most. */
const LONGEST_PAUSE_MS = 40;
/** From the last fault until every stream has its end: an instance is taken for dead after 12 s. */
const SETTLE_MS = 40_000;
const FINAL_READ_MS = 20_000;
const AWAY = 'away';
/** From the last fault until all works as before, on a machine that has other things to do. */
const RECOVERY_MS = 60_000;

export interface LoadOptions {
  readonly origin: string;
  readonly seed: number;
  readonly history: History;
}

/** What a session holds at the end. */
export interface FinalRead {
  readonly session: string;
  readonly key: string;
  readonly operation: Awaited<ReturnType<StateClient['get']>>;
  /** What a list says; 0 for a key that is not in it. */
  readonly listed: number | undefined;
}

interface Actor {
  act(): Promise<unknown>;
}

/** A session's own stream, and one of those who send to it. */
interface Listened {
  readonly listener: SessionListener;
  readonly announcer: StreamClient;
}

/** Clients of several sessions, each of which does one random thing after the other. */
export class Load {
  readonly #options: LoadOptions;
  readonly #stopped = new AbortController();
  #deadline = Number.POSITIVE_INFINITY;
  readonly #actors: { readonly actor: Actor; readonly chance: Chance }[] = [];
  readonly #officials: OfficialClient[] = [];
  readonly #streamClients: StreamClient[] = [];
  readonly #listeners: Listened[] = [];
  readonly #finalReaders: { readonly session: string; readonly client: StateClient }[] = [];
  #running: Promise<unknown> = Promise.resolve();

  private constructor(options: LoadOptions) {
    this.#options = options;
  }

  /** Opens the sessions and their streams, while nothing goes wrong yet. */
  static async open(options: LoadOptions): Promise<Load> {
    const load = new Load(options);
    // Each client waits on it.
    setMaxListeners(0, load.#stopped.signal);
    for (let number = 0; number < SESSIONS; number += 1) await load.#addSession(`s${number}`);
    for (let number = 0; number < OFFICIAL_CLIENTS; number += 1) await load.#addOfficial(`o${number}`);
    return load;
  }

  start(): void {
    this.#running = Promise.all(this.#actors.map(({ actor, chance }) => this.#run(actor, chance)));
  }

  /**
   * Waits until each kind of operation succeeds again; that one does not is a violation. Also for a gap, where so little
   * was done that there was none.
   */
  async recovered(): Promise<void> {
    const { history } = this.#options;
    const successes = (): number[] => KINDS.map((kind) => history.tally.get(kind)?.ok ?? 0);
    const before = successes();
    const deadline = Date.now() + RECOVERY_MS;
    const failing = (): Kind[] => {
      const now = successes();
      return KINDS.filter((_, index) => now[index] === before[index]);
    };
    const isDone = (): boolean => failing().length === 0 && gapsAnnouncedIn(history) > 0;
    while (!isDone() && Date.now() < deadline && !this.#stopped.signal.aborted) await pause(50);
    for (const kind of failing()) history.violation(`${kind} does not work again after the faults`);
  }

  /** Resolves once every client has done what it was doing, and every stream has its end. */
  async stop(): Promise<void> {
    const { history } = this.#options;
    this.#stopped.abort();
    this.#deadline = Date.now() + SETTLE_MS;
    await this.#running;
    await Promise.all(this.#streamClients.map((client) => client.readStoppedAgain()));
    await Promise.all(this.#listeners.map((each) => this.#heardAll(each)));
    history.listenings.push(...(await Promise.all(this.#listeners.map(({ listener }) => listener.finish()))));
    for (const official of this.#officials) {
      for (const strange of official.strange)
        history.violation('official client: a message of another session', strange);
    }
    await this.close();
  }

  /** What all keys hold. */
  async finalReads(): Promise<readonly FinalRead[]> {
    const reads: FinalRead[] = [];
    for (const { session, client } of this.#finalReaders) {
      const listed = await untilAnswered(() => client.list());
      for (const key of KEYS) {
        const operation = await untilAnswered(() => client.get(key));
        reads.push({ session, key, operation, listed: listed && (listed.get(key) ?? 0) });
      }
    }
    return reads;
  }

  /** Lets go of all connections. */
  async close(): Promise<void> {
    this.#stopped.abort();
    this.#deadline = Math.min(this.#deadline, Date.now());
    for (const { listener } of this.#listeners) listener.stop();
    await Promise.all(this.#officials.splice(0).map((official) => official.close()));
  }

  async #addSession(session: string): Promise<void> {
    const { origin, seed, history } = this.#options;
    const client = await RawClient.open(origin);
    const { sessionId } = client;
    const inSession = callerInSession(client, () => history.nextId());
    const byHandle = callerByHandle(origin, sessionId);
    const stateClient = (name: string, call: ToolCaller, isOnceOnly = false): StateClient => {
      const chance = new Chance(seed, `${session}/${name}`);
      const options = { session, sessionId, name, call, chance, history, isOnceOnly };
      const added = new StateClient(options);
      this.#add(added, chance);
      return added;
    };
    stateClient('legacy', inSession);
    stateClient('second', inSession);
    stateClient('modern', byHandle);
    for (const name of ['once1', 'once2']) stateClient(name, name === 'once1' ? inSession : byHandle, true);
    // Several, since each waits for seconds where an instance died.
    const names = ['streams1', 'streams2', 'streams3'];
    // One is enough, and more would leave a slow store little time for all else.
    if (this.#streamClients.length === 0) names.push(AWAY);
    for (const name of names) {
      const chance = new Chance(seed, `${session}/${name}`);
      const deadline = (): number => this.#deadline;
      const added = new StreamClient({
        session,
        name,
        client,
        call: inSession,
        chance,
        history,
        deadline,
        isOftenAway: name === AWAY,
      });
      this.#streamClients.push(added);
      this.#add(added, chance);
    }
    const chance = new Chance(seed, `${session}/final`);
    const final = new StateClient({ session, sessionId, name: 'final', call: inSession, chance, history });
    this.#finalReaders.push({ session, client: final });
    const listener = await SessionListener.open({
      session,
      client,
      chance: new Chance(seed, `${session}/listener`),
    });
    this.#listeners.push({ listener, announcer: this.#streamClients.at(-1) as StreamClient });
  }

  /** Behind a last message nothing is to come, and before it all has. */
  async #heardAll({ listener, announcer }: Listened): Promise<void> {
    let last: string | undefined;
    while (last === undefined && Date.now() < this.#deadline) last = await announcer.announce();
    const isHeard = (): boolean => last !== undefined && listener.hasHeard(last);
    while (!isHeard() && Date.now() < this.#deadline) await pause(20);
  }

  async #addOfficial(name: string): Promise<void> {
    const { origin, seed, history } = this.#options;
    const chance = new Chance(seed, name);
    const official = await OfficialClient.connect(origin, { name, chance, history });
    this.#officials.push(official);
    this.#add(official, chance);
  }

  #add(actor: Actor, chance: Chance): void {
    this.#actors.push({ actor, chance });
  }

  async #run(actor: Actor, chance: Chance): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await actor.act();
      await pause(chance.between(0, LONGEST_PAUSE_MS), this.#stopped.signal);
    }
  }
}

async function untilAnswered<T>(ask: () => Promise<T | undefined>): Promise<T | undefined> {
  const deadline = Date.now() + FINAL_READ_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || Date.now() > deadline) return answer;
    await pause(200);
  }
}

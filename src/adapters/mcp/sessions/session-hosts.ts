import { LRUCache } from 'lru-cache';
import type { SessionRef } from '../../../domain/session.ts';
import { type HostedSession, SessionHost, type SessionHostOptions } from './session-host.ts';

/** Sessions whose servers are kept ready on one instance, and for how long they are kept unused. */
const MAX_HOSTS = 1_000;
const IDLE_MS = 10 * 60_000;

/** The sessions that this instance has met lately, and those that it is busy with. */
export class SessionHosts {
  readonly #options: SessionHostOptions;
  /** Out of the cache, but with work to finish: a session must not have two hosts on one instance. */
  readonly #busy = new Map<SessionRef, SessionHost>();
  readonly #hosts = new LRUCache<SessionRef, SessionHost>({
    max: MAX_HOSTS,
    ttl: IDLE_MS,
    // Anything but 0 sets a timer with each look.
    ttlResolution: 0,
    updateAgeOnGet: true,
    dispose: (host, ref, reason) => {
      if (reason === 'set') return;
      if (reason !== 'delete' && host.isBusy) this.#busy.set(ref, host);
      else host.retire();
    },
  });

  constructor(options: SessionHostOptions) {
    this.#options = options;
  }

  /** The host of a session that is not known yet, to be {@link keep}ed once it is open. */
  create(handle: HostedSession): SessionHost {
    return new SessionHost(handle, this.#options);
  }

  keep(host: SessionHost): void {
    this.#hosts.set(host.handle.session.ref, host);
  }

  get(handle: HostedSession): SessionHost {
    const known = this.find(handle.session.ref);
    if (known !== undefined) return known;
    this.#forgetIdle();
    const host = this.create(handle);
    this.keep(host);
    return host;
  }

  /** The host, if this instance has one. */
  find(ref: SessionRef): SessionHost | undefined {
    const known = this.#hosts.get(ref);
    if (known !== undefined) return known;
    const busy = this.#busy.get(ref);
    if (busy === undefined) return undefined;
    this.#busy.delete(ref);
    this.keep(busy);
    return busy;
  }

  /** Ends what a session that is gone still runs here. */
  drop(ref: SessionRef, message: string): void {
    const host = this.find(ref);
    this.#hosts.delete(ref);
    host?.abandon(message);
  }

  stop(message: string): void {
    for (const ref of [...this.#hosts.keys(), ...this.#busy.keys()]) this.drop(ref, message);
  }

  #forgetIdle(): void {
    for (const [ref, host] of this.#busy) {
      if (host.isBusy) continue;
      this.#busy.delete(ref);
      host.retire();
    }
  }
}

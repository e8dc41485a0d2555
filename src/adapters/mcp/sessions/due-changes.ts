import { type Change, type ChangeStep, LIST_CHANGES } from '../../../domain/change.ts';
import { SessionNotFound } from '../../../domain/errors.ts';
import type { Session, SessionRef } from '../../../domain/session.ts';
import type { SessionHandle } from '../../../domain/stream-handle.ts';
import { isAdvertised } from './change-notifications.ts';

export interface DueChangesOptions {
  /** The session as the store has it now; `undefined` if it is gone. */
  readonly fresh: (ref: SessionRef) => Promise<Session | undefined>;
  /** What the session's server offers, as it answered `initialize`. */
  readonly capabilitiesOf: (handle: SessionHandle, session: Session) => Promise<unknown>;
}

/** A change that a session is to be told of. */
export interface DueChange {
  readonly change: Change;
  /** Its number in the log of changes; of several that stand for what was missed, the last one has it. */
  readonly number: number | undefined;
}

/** Knows of which changes one session is to be told: what its server advertised, and its client subscribed to. */
export class DueChanges {
  readonly #handle: SessionHandle;
  readonly #options: DueChangesOptions;
  #capabilities: unknown;

  constructor(handle: SessionHandle, options: DueChangesOptions) {
    this.#handle = handle;
    this.#options = options;
  }

  /** @throws SessionNotFound, StoreUnavailable, and what the author's server throws */
  async of(steps: readonly ChangeStep[]): Promise<DueChange[]> {
    const { capabilitiesOf } = this.#options;
    let session: Session | undefined;
    if (this.#capabilities === undefined) {
      session = await this.#session();
      this.#capabilities = (await capabilitiesOf(this.#handle, session)) ?? {};
    }
    const mayUpdate = steps.some((step) => step.kind === 'missed' || step.change.kind === 'resource_updated');
    const uris =
      mayUpdate && isAdvertised('resource_updated', this.#capabilities)
        ? (session ?? (await this.#session())).subscriptions
        : [];
    return steps.flatMap((step) => {
      const changes = step.kind === 'change' ? [step.change] : allChanges(uris);
      const due = changes.filter((change) =>
        change.kind === 'resource_updated'
          ? uris.includes(change.uri)
          : isAdvertised(change.kind, this.#capabilities),
      );
      // In a log that was set back, that place may be another's.
      const number = step.kind === 'missed' && step.isSetBack === true ? undefined : step.sequence;
      return due.map((change, index) => ({
        change,
        number: index === due.length - 1 ? number : undefined,
      }));
    });
  }

  /** Past any cache: whoever subscribed before a change is to be told of it, whatever signals were lost. */
  async #session(): Promise<Session> {
    const session = await this.#options.fresh(this.#handle.session.ref);
    if (session === undefined) throw new SessionNotFound();
    return session;
  }
}

/** Where changes were missed, anything may have changed. */
function allChanges(uris: readonly string[]): Change[] {
  return [
    ...LIST_CHANGES.map((kind): Change => ({ kind })),
    ...uris.map((uri): Change => ({ kind: 'resource_updated', uri })),
  ];
}

import { type HandleOptions, Handles } from '../../domain/handles.ts';
import type { Principal } from '../../domain/principal.ts';
import { SessionState, type SessionStateOptions } from '../../domain/session-state.ts';
import { connectionTarget } from '../../domain/session-target.ts';
import type { ServiceFacts } from './service-facts.ts';

export interface CallerSessionOptions extends SessionStateOptions {
  /** What tools may say of the service. */
  readonly service: ServiceFacts;
}

/** Who a server is made for. */
export interface Caller {
  /** The session that the connection itself has; `undefined` for 2026-07-28, where connections have none. */
  readonly sessionId: string | undefined;
  readonly principal: Principal | undefined;
}

/**
 * What the tools of one server reach state through. By itself it is the session of the connection, where the
 * protocol has that; {@link at} is the one that a call names.
 */
export class CallerSession extends SessionState {
  /** `legacy` for the revisions up to 2025-11-25, `modern` for 2026-07-28, in the SDK's words. */
  readonly era: 'legacy' | 'modern';
  /** Whom the caller's credentials name; `undefined` without authentication. */
  readonly principal: Principal | undefined;
  /** The service that keeps the session, as tools describe it. */
  readonly service: ServiceFacts;
  readonly #handles: Handles;

  constructor({ sessionId, principal }: Caller, options: CallerSessionOptions) {
    super(sessionId === undefined ? undefined : connectionTarget(sessionId, options.sessions), options);
    this.era = sessionId === undefined ? 'modern' : 'legacy';
    this.principal = principal;
    this.service = options.service;
    this.#handles = new Handles(principal, options);
  }

  /**
   * The session that a call's `session_id` names: of `open_session`, or another connection's. Without one, the
   * connection's own, which clients of 2026-07-28 do not have: their operations then fail with an error that says
   * what to do.
   */
  at(sessionId: string | undefined): SessionState {
    return sessionId === undefined ? this : this.#handles.at(sessionId);
  }

  /**
   * Opens a session that belongs to no connection, with all of its values or none.
   * @throws InvalidArgument, LimitExceeded, StoreUnavailable; then there is no session
   */
  open(options?: HandleOptions): Promise<SessionState> {
    return this.#handles.open(options);
  }
}

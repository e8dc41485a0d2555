import { DurableMcpError } from '../../domain/errors.ts';
import {
  type HandleOptions,
  Handles,
  type HandlesOptions,
  type OpenedSession,
  type SessionListing,
} from '../../domain/handles.ts';
import type { Principal } from '../../domain/principal.ts';
import { sessionRef } from '../../domain/session.ts';
import { SessionState } from '../../domain/session-state.ts';
import { connectionTarget } from '../../domain/session-target.ts';
import type { ChangeNotifier } from './change-notifier.ts';
import { isObject } from './jsonrpc.ts';
import { requestBinding } from './request-binding.ts';
import type { RequestState, RequestStates } from './request-state.ts';
import type { ServiceFacts } from './service-facts.ts';

export interface CallerSessionOptions extends HandlesOptions {
  /** What tools may say of the service. */
  readonly service: ServiceFacts;
  readonly notify: ChangeNotifier;
  /** Absent where no keys are configured. */
  readonly requestStates?: RequestStates | undefined;
}

/** Who a server is made for. */
export interface Caller {
  /** The session that the connection itself has; `undefined` for 2026-07-28, where connections have none. */
  readonly sessionId: string | undefined;
  readonly principal: Principal | undefined;
  /** The request that the server is made for, where it is made for one. */
  readonly request?: unknown;
  /** Told of an error of the store for which it is unknown whether a request state is good: its SDK says it is not. */
  readonly onUnverified?: ((error: DurableMcpError) => void) | undefined;
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
  /** Tells every client on every instance, not only this one, what has changed. */
  readonly notify: ChangeNotifier;
  /** The service that keeps the session, as tools describe it. */
  readonly service: ServiceFacts;
  readonly #handles: Handles;
  readonly #requestStates: RequestStates | undefined;
  readonly #request: () => string;
  readonly #onUnverified: Caller['onUnverified'];

  constructor({ sessionId, principal, request, onUnverified }: Caller, options: CallerSessionOptions) {
    super(sessionId === undefined ? undefined : connectionTarget(sessionId, options.sessions), options);
    this.era = sessionId === undefined ? 'modern' : 'legacy';
    this.principal = principal;
    this.service = options.service;
    this.notify = options.notify;
    this.#requestStates = options.requestStates;
    // Where there is a session, the SDK itself asks the client and calls again: no state leaves the process.
    this.#request = () => (sessionId === undefined ? bindingOf(request) : `session ${sessionRef(sessionId)}`);
    this.#onUnverified = onUnverified;
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
   * @throws InvalidArgument, LimitExceeded, QuotaExceeded, StoreUnavailable; then there is no session
   */
  open(options?: HandleOptions): Promise<OpenedSession> {
    return this.#handles.open(options);
  }

  /**
   * One page of all sessions that the principal has, the oldest first, those of connections included.
   * @param options.limit 1 to 1,000; 100 by default
   * @throws InvalidArgument, also where the caller is not known by name
   */
  listSessions(options?: {
    readonly cursor?: string | undefined;
    readonly limit?: number | undefined;
  }): Promise<SessionListing> {
    return this.#handles.list(options);
  }

  /**
   * Seals what a tool wants to know again when its call is made anew with the client's answers (2026-07-28, Multi
   * Round-Trip Requests), for this caller and this call. `verify` goes into the SDK's `ServerOptions.requestState`.
   * @throws Error where no keys are configured
   */
  get requestState(): RequestState {
    if (this.#requestStates === undefined) {
      throw new Error('requestState needs keys to seal it with: set requestStateKeys of durableMcp');
    }
    const { mint, verify } = this.#requestStates.for({ principal: this.principal, request: this.#request() });
    return {
      mint,
      verify: async (state) => {
        try {
          return await verify(state);
        } catch (error) {
          if (error instanceof DurableMcpError) this.#onUnverified?.(error);
          throw error;
        }
      },
    };
  }
}

function bindingOf(message: unknown): string {
  const { method, params } = isObject(message) ? message : {};
  return requestBinding(String(method), params);
}

/** Every way in which the domain or a store can refuse, by a stable name. */
export type ErrorCode =
  | 'session_not_found'
  | 'session_exists'
  | 'version_conflict'
  | 'invalid_argument'
  | 'limit_exceeded'
  | 'quota_exceeded'
  | 'instance_full'
  | 'stream_ended'
  | 'outcome_unknown'
  | 'token_required'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'issuer_unavailable'
  | 'store_unavailable'
  | 'store_not_set_up';

/**
 * The base of all errors this project throws on purpose. The message is written for the person or model at
 * the other end of the protocol: it names the field and the limit, and never holds a session id, a stack or
 * a driver's own words. Those belong in `cause`, which is logged and not sent.
 */
export class DurableMcpError extends Error {
  override readonly name: string = 'DurableMcpError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * The session is unknown, expired, deleted or somebody else's: from outside, these are one case.
 * `advice` says how to get a new one.
 */
export class SessionNotFound extends DurableMcpError {
  override readonly name = 'SessionNotFound';

  constructor(advice = 'start a new session') {
    super('session_not_found', `This session has expired or does not exist. Its data is gone: ${advice}.`);
  }
}

/** A session with this reference is already stored. Ids are random, so this is a bug or a replay. */
export class SessionExists extends DurableMcpError {
  override readonly name = 'SessionExists';

  constructor() {
    super('session_exists', 'A session with this reference already exists.');
  }
}

/** A guarded write found another version than the one it expected. Nothing was changed. */
export class VersionConflict extends DurableMcpError {
  override readonly name = 'VersionConflict';
  readonly expectedVersion: number;
  /** The version that is stored; 0 where nothing is. */
  readonly currentVersion: number;

  constructor(what: string, expectedVersion: number, currentVersion: number) {
    const found = currentVersion === 0 ? 'it does not exist' : `its version is ${currentVersion}`;
    super(
      'version_conflict',
      `expected_version: ${what} was expected at version ${expectedVersion}, but ${found}. ` +
        'Nothing was changed: read it again and decide anew.',
    );
    this.expectedVersion = expectedVersion;
    this.currentVersion = currentVersion;
  }
}

/** A field of the input breaks a rule. The message begins with the field's name. */
export class InvalidArgument extends DurableMcpError {
  override readonly name = 'InvalidArgument';
  readonly field: string;

  constructor(field: string, problem: string) {
    super('invalid_argument', `${field}: ${problem}`);
    this.field = field;
  }
}

/** There is no room. The message names the limit. */
abstract class LimitReached extends DurableMcpError {
  /** As many as there may be. */
  readonly limit: number;

  constructor(
    code: Extract<ErrorCode, 'limit_exceeded' | 'quota_exceeded' | 'instance_full'>,
    message: string,
    limit: number,
  ) {
    super(code, message);
    this.limit = limit;
  }
}

/** The input is well formed, but there is no room for it. */
export class LimitExceeded extends LimitReached {
  override readonly name = 'LimitExceeded';
  /** Whether room comes by itself, with time: of too much that waits. False by default. */
  readonly isPassing: boolean;

  constructor(message: string, limit: number, { isPassing = false }: { readonly isPassing?: boolean } = {}) {
    super('limit_exceeded', message, limit);
    this.isPassing = isPassing;
  }
}

/** The caller has as many of something as it may have at one time: room comes when one of them ends. */
export class QuotaExceeded extends LimitReached {
  override readonly name = 'QuotaExceeded';

  constructor(message: string, limit: number) {
    super('quota_exceeded', message, limit);
  }
}

/** This instance serves as many as it can: another one, or this one a little later, may have room. */
export class InstanceFull extends LimitReached {
  override readonly name = 'InstanceFull';

  constructor(message: string, limit: number) {
    super('instance_full', message, limit);
  }
}

/** The stream was ended, by its owner or by whoever declared its owner dead: no event can follow. */
export class StreamEnded extends DurableMcpError {
  override readonly name = 'StreamEnded';

  constructor() {
    super('stream_ended', 'This stream has ended: nothing can be appended to it.');
  }
}

/**
 * Whether a call that was to run once took effect is not known, and will not be: what ran it stopped, or failed in
 * the midst of it. The call is not run again under its key.
 */
export class OutcomeUnknown extends DurableMcpError {
  override readonly name = 'OutcomeUnknown';

  constructor(options?: ErrorOptions) {
    super(
      'outcome_unknown',
      'It is unknown whether the call with this idempotency_key took effect: the instance that ran it stopped, or ' +
        'failed, before it had an outcome. Check the state, then call again with a new idempotency_key if need be.',
      options,
    );
  }
}

/** What an operation that the store failed did: nothing at all, or perhaps all of it. */
export type Effect = 'none' | 'unknown';

const AFTER_OUTAGE: Readonly<Record<Effect, string>> = {
  none: 'Nothing was changed: try again shortly.',
  unknown: 'It is unknown whether this took effect: check the state shortly, and repeat it if need be.',
};

/**
 * The store did not answer, refused the connection, or is overloaded. A read did not happen; of a write it is
 * unknown whether it happened, so repeat it only under an `expected_version`.
 */
export class StoreUnavailable extends DurableMcpError {
  override readonly name = 'StoreUnavailable';
  /** `undefined` where only the caller of the store knows what it was about to do. */
  readonly effect: Effect | undefined;

  constructor({ effect, ...options }: ErrorOptions & { readonly effect?: Effect } = {}) {
    const advice = effect === undefined ? 'Try again shortly.' : AFTER_OUTAGE[effect];
    super('store_unavailable', `The session store is unavailable at the moment. ${advice}`, options);
    this.effect = effect;
  }
}

/** The store answers, but its tables are missing or of another version. `command` makes them. */
export class StoreNotSetUp extends DurableMcpError {
  override readonly name = 'StoreNotSetUp';

  constructor(what: string, command: string, options?: ErrorOptions) {
    super('store_not_set_up', `${what}. Create what is missing with: ${command}`, options);
  }
}

/** The request carries no credentials, or none of the kind that is asked for. */
export class TokenRequired extends DurableMcpError {
  override readonly name = 'TokenRequired';

  constructor() {
    super(
      'token_required',
      'An access token is required: send it with each request as Authorization: Bearer.',
    );
  }
}

/** The request's access token is not one that is accepted here. The message never holds anything of it. */
export class InvalidToken extends DurableMcpError {
  override readonly name = 'InvalidToken';

  /** @param problem goes on from "The access token", in visible ASCII without `"` and `\`: it is sent in a header */
  constructor(problem: string, options?: ErrorOptions) {
    super('invalid_token', `The access token ${problem}.`, options);
  }
}

/** The access token is good, but does not allow what was asked for. */
export class InsufficientScope extends DurableMcpError {
  override readonly name = 'InsufficientScope';

  constructor(required: readonly string[]) {
    super('insufficient_scope', `The access token lacks a scope: required is ${required.join(' ')}.`);
  }
}

/** Whether an access token is good cannot be found out: the keys of its issuer are not to be had. */
export class IssuerUnavailable extends DurableMcpError {
  override readonly name = 'IssuerUnavailable';

  constructor(options?: ErrorOptions) {
    super(
      'issuer_unavailable',
      'The access token cannot be verified at the moment: its issuer does not answer. Try again shortly.',
      options,
    );
  }
}

/** What a caller may ask for at most. The same on every store; each is configurable. */
export interface Limits {
  /** Largest value, in bytes of its JSON text in UTF-8. At most {@link MAX_VALUE_BYTES}. */
  readonly valueBytes: number;
  /** Most keys that a session holds at one time. */
  readonly keysPerSession: number;
  /** Most messages kept per event stream; older ones are trimmed and reported as a gap. */
  readonly eventsPerStream: number;
  /** Most live sessions of one principal. Callers that are not known by name are not counted. */
  readonly sessionsPerPrincipal: number;
  /**
   * Most calls that run and streams that are open in one session at one time, on one instance. A call counts as a
   * stream, since any may become one, and a batch as one call.
   */
  readonly streamsPerSession: number;
  /** The same in all sessions, and of callers without one. */
  readonly streamsPerInstance: number;
}

/**
 * 256 KiB a value, 10,000 keys a session, 1,000 messages a stream; 1,000 sessions a principal; 100 calls and streams
 * at one time a session, 10,000 an instance.
 */
export const DEFAULT_LIMITS: Limits = {
  valueBytes: 256 * 1024,
  keysPerSession: 10_000,
  eventsPerStream: 1_000,
  sessionsPerPrincipal: 1_000,
  streamsPerSession: 100,
  streamsPerInstance: 10_000,
};

/** A DynamoDB item holds 400 KB, key and attributes included; both stores keep to what fits there. */
export const MAX_VALUE_BYTES = 384 * 1024;

/** Longest key in Unicode characters (code points). */
export const KEY_CHARACTERS = 256;
/** Longest key in bytes of UTF-8: leaves room in DynamoDB's 1,024-byte sort key. */
export const KEY_BYTES = 768;

/** Deepest nesting of arrays and objects in a value; a scalar has depth 0. */
export const VALUE_DEPTH = 100;

/** The same of a whole message, or batch of them: room for a value that is too deep to be told so by its field. */
export const MESSAGE_DEPTH = 128;

/**
 * Largest `params` of an `initialize` request, in bytes of their JSON text: they are stored with the session, in
 * one DynamoDB item.
 */
export const INITIALIZE_BYTES = 128 * 1024;

/**
 * Longest issuer and subject of a principal, in bytes of UTF-8 together: Postgres holds at most 2,700 in an index.
 */
export const PRINCIPAL_BYTES = 2_048;

/**
 * Largest list of resource URIs that a session subscribes to, in bytes of its JSON text: it is stored with the
 * session too. Also the largest filter of a `subscriptions/listen`, which is compared with every change.
 */
export const SUBSCRIPTIONS_BYTES = 64 * 1024;

/** Entries of one `list_values` page. */
export const LIST_LIMIT_DEFAULT = 100;
export const LIST_LIMIT_MAX = 1_000;

/**
 * A deleted key leaves a mark, so that its versions go on counting. Marks are small, but a session that
 * stores and deletes ever new keys must not grow without bound: it may use this many times
 * {@link Limits.keysPerSession} different keys in its life.
 */
export const DISTINCT_KEYS_FACTOR = 10;

/**
 * Requests to the store that one instance has waiting at most. More come in than are answered only where the store
 * hangs: whoever comes then is told so at once.
 */
export const STORE_REQUESTS_WAITING = 5_000;

/** How long after its last beat the record of an instance is kept at least, in ms. */
export const INSTANCE_KEPT_MS = 3_600_000;

import { InvalidArgument, LimitExceeded, VersionConflict } from './errors.ts';
import { KEY_BYTES, KEY_CHARACTERS } from './limits.ts';

/** One key's value as a store keeps it. */
export interface StoredValue {
  readonly key: string;
  /** JSON text. A store returns it to the byte. */
  readonly json: string;
  /** Counts the key's writes from 1, and goes on counting when the key is deleted and written again. */
  readonly version: number;
  /** Unix milliseconds. */
  readonly updatedAt: number;
}

/** What a list shows of a value. */
export type ValueSummary = Pick<StoredValue, 'key' | 'version' | 'updatedAt'>;

/** What a store throws when a guarded write of `key` found `current` (0: no value). */
export function keyConflict(key: string, expected: number, current: number): VersionConflict {
  return new VersionConflict(`key ${JSON.stringify(key)}`, expected, current);
}

/** What a store throws for a key that would be one too many at one time. */
export function keysExceeded(limit: number): LimitExceeded {
  return new LimitExceeded(
    `key: this session holds ${limit} keys already, the most allowed. Delete some, or overwrite existing ones.`,
    limit,
  );
}

/** What a store throws for a key that would be one too many over the session's life. */
export function distinctKeysExceeded(limit: number): LimitExceeded {
  return new LimitExceeded(
    `key: this session has used ${limit} different keys in its life, deleted ones included, the most allowed. ` +
      'Use existing keys again, or start a new session.',
    limit,
  );
}

const CONTROL_CHARACTER = /\p{Cc}/u;

/** @throws InvalidArgument naming `field` and the limit */
export function assertKey(key: string, field = 'key'): void {
  if (key === '') {
    throw new InvalidArgument(field, `must not be empty: give it 1 to ${KEY_CHARACTERS} characters`);
  }
  assertKeyText(key, field);
}

/** A prefix follows the rules of a key, except that it may be empty. */
export function assertPrefix(prefix: string): void {
  assertKeyText(prefix, 'prefix');
}

function assertKeyText(text: string, field: string): void {
  // A lone surrogate has no UTF-8 form: two such keys would be one in the store.
  if (!text.isWellFormed()) {
    throw new InvalidArgument(field, 'must be well-formed Unicode, without lone surrogates');
  }
  if (CONTROL_CHARACTER.test(text)) {
    throw new InvalidArgument(field, 'must not contain control characters (such as newline, tab or NUL)');
  }
  const bytes = Buffer.byteLength(text);
  // Only a text of more code units than allowed characters can be too long in characters.
  if (text.length > KEY_CHARACTERS) {
    const characters = [...text].length;
    if (characters > KEY_CHARACTERS) {
      throw new InvalidArgument(
        field,
        `is ${characters} characters long, at most ${KEY_CHARACTERS} are allowed: use a shorter one`,
      );
    }
  }
  if (bytes > KEY_BYTES) {
    throw new InvalidArgument(
      field,
      `is ${bytes} bytes long in UTF-8, at most ${KEY_BYTES} are allowed: use a shorter one`,
    );
  }
}

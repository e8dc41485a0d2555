import { InvalidArgument } from './errors.ts';
import { LIST_LIMIT_MAX } from './limits.ts';

/** The opaque cursor of a list: names the last entry of the page before. */
export function encodeCursor(lastEntry: string): string {
  return Buffer.from(lastEntry, 'utf8').toString('base64url');
}

/** @throws InvalidArgument for what {@link encodeCursor} did not make for a list with this prefix */
export function decodeCursor(cursor: string, prefix = ''): string {
  const bytes = Buffer.from(cursor, 'base64url');
  const entry = bytes.toString('utf8');
  if (entry === '' || encodeCursor(entry) !== cursor || !entry.startsWith(prefix)) throw foreignCursor();
  return entry;
}

export function foreignCursor(): InvalidArgument {
  return new InvalidArgument(
    'cursor',
    'is not one that this list returned: pass next_cursor unchanged, with the same prefix, or leave it out',
  );
}

/** @throws InvalidArgument if a page of a list cannot hold so many */
export function assertPageLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= LIST_LIMIT_MAX) return;
  throw new InvalidArgument('limit', `must be a whole number from 1 to ${LIST_LIMIT_MAX}`);
}

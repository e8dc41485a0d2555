import { InvalidArgument } from './errors.ts';

/** The opaque cursor of a list: names the last key of the page before. */
export function encodeCursor(lastKey: string): string {
  return Buffer.from(lastKey, 'utf8').toString('base64url');
}

/** @throws InvalidArgument for what {@link encodeCursor} did not make for a list with this prefix */
export function decodeCursor(cursor: string, prefix: string): string {
  const bytes = Buffer.from(cursor, 'base64url');
  const key = bytes.toString('utf8');
  if (key === '' || encodeCursor(key) !== cursor || !key.startsWith(prefix)) {
    throw new InvalidArgument(
      'cursor',
      'is not one that this list returned: pass next_cursor unchanged, with the same prefix, or leave it out',
    );
  }
  return key;
}

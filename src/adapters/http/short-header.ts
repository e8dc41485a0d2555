import { RequestRefused } from './errors.ts';

/** Longest of the headers that name something. What this server gives out is far shorter. */
export const HEADER_CHARACTERS = 256;

/** @throws RequestRefused naming the header and the limit, and never what it holds */
export function shortHeader(headers: Headers, name: string): string | undefined {
  const value = headers.get(name) ?? undefined;
  if (value === undefined || value.length <= HEADER_CHARACTERS) return value;
  throw new RequestRefused(
    'header_too_large',
    `${name}: is ${value.length} characters long, at most ${HEADER_CHARACTERS} are allowed`,
  );
}

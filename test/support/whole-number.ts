import { InvalidSettings } from '../../src/app/settings.ts';

/** Reads a flag of a command. @throws InvalidSettings */
export function wholeNumber(flag: string, text: string, min: number): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min) return number;
  throw new InvalidSettings([
    `${flag} must be a whole number of at least ${min}, but is ${JSON.stringify(text)}`,
  ]);
}

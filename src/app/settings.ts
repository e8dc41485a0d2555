/*
 * Reading settings from the environment and the command line: each is parsed once, and every problem is
 * collected, so that a person who made three mistakes is told of three.
 */

import type { NameRule } from './allowed-names.ts';

/** One line per problem, each naming the setting. */
export class InvalidSettings extends Error {
  override readonly name = 'InvalidSettings';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads settings and remembers what was wrong with them. An empty variable counts as unset. */
export class SettingsReader {
  readonly problems: string[] = [];
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  text(name: string): string | undefined;
  text(name: string, fallback: string): string;
  text(name: string, fallback?: string): string | undefined {
    return this.#environment[name] || fallback;
  }

  integer(name: string, fallback: number, bounds: { readonly min: number; readonly max: number }): number {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= bounds.min && number <= bounds.max) return number;
    this.#refuse(name, text, `a whole number from ${bounds.min} to ${bounds.max}`);
    return fallback;
  }

  oneOf<Choice extends string>(name: string, fallback: Choice, choices: readonly Choice[]): Choice {
    const text = this.text(name, fallback);
    const choice = choices.find((each) => each === text);
    if (choice === undefined) this.#refuse(name, text, `one of ${choices.join(', ')}`);
    return choice ?? fallback;
  }

  /** `true` or `false`. */
  flag(name: string): boolean {
    return this.oneOf(name, 'false', ['true', 'false']) === 'true';
  }

  /** In lower case. */
  list(name: string, { pattern, rule }: NameRule): readonly string[] {
    const items = this.text(name, '')
      .split(',')
      .map((item) => item.trim().toLowerCase())
      .filter((item) => item !== '');
    const odd = items.find((item) => !pattern.test(item));
    if (odd !== undefined) this.#refuse(name, odd, `${rule}, separated by commas`);
    return items;
  }

  /** Kept as they are, separated by spaces or commas. */
  words(name: string): readonly string[] {
    return this.text(name, '')
      .split(/[\s,]+/)
      .filter((word) => word !== '');
  }

  /** What is given is in no error. */
  secrets(name: string, minBytes: number): readonly string[] {
    const secrets = this.text(name, '')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    if (secrets.some((each) => Buffer.byteLength(each) < minBytes)) {
      this.problems.push(`${name} must be secrets of at least ${minBytes} bytes each, separated by commas`);
    }
    return secrets;
  }

  matching(name: string, fallback: string, pattern: RegExp, rule: string): string {
    const text = this.text(name, fallback);
    if (pattern.test(text)) return text;
    this.#refuse(name, text, rule);
    return fallback;
  }

  #refuse(name: string, text: string, rule: string): void {
    this.problems.push(`${name} must be ${rule}, but is ${JSON.stringify(text)}`);
  }
}

import { parseArgs } from 'node:util';
import { DurableMcpError } from '../../domain/errors.ts';
import { InvalidSettings } from '../settings.ts';
import type { StoreName } from '../store-config.ts';

interface Option {
  readonly type: 'string' | 'boolean';
  /** Whether the flag may be given several times, each with a value. */
  readonly multiple?: true;
  readonly help: string;
}

type Options = Record<string, Option>;

type Values<O extends Options> = {
  [Name in keyof O]?: O[Name] extends { readonly multiple: true }
    ? string[]
    : O[Name]['type'] extends 'string'
      ? string
      : boolean;
};

/**
 * Runs one command: parses its flags, and turns what goes wrong into lines that a person can act on, with
 * exit code 1.
 */
export async function command<O extends Options>(
  definition: { readonly usage: string; readonly options: O },
  run: (values: Values<O>) => Promise<void>,
): Promise<void> {
  try {
    const options = { ...definition.options, help: { type: 'boolean', help: 'show this' } } as const;
    const { values } = parseArgs({ options, strict: true, allowPositionals: false });
    if ((values as { help?: boolean }).help === true) {
      process.stdout.write(helpText(definition.usage, options));
      return;
    }
    await run(values as Values<O>);
  } catch (error) {
    for (const line of explain(error)) process.stderr.write(`durable-mcp: ${line}\n`);
    process.exit(1);
  }
}

/** @throws InvalidSettings if the flag is missing or names no store */
export function storeFlag(store: string | undefined): StoreName {
  if (store === 'postgres' || store === 'dynamodb') return store;
  throw new InvalidSettings(['--store must be postgres or dynamodb, as in: npm start -- --store postgres']);
}

function explain(error: unknown): readonly string[] {
  if (error instanceof InvalidSettings) return error.problems;
  if (error instanceof DurableMcpError) {
    const cause = error.cause instanceof Error ? ` (${rootCause(error.cause)})` : '';
    return [`${error.message}${cause}`];
  }
  if (!(error instanceof Error)) return [String(error)];
  const { code, address, port } = error as { code?: string; address?: string; port?: number };
  if (code === 'EADDRINUSE') return [`port ${port} on ${address} is in use: choose another with --port`];
  if (code === 'EACCES' && port !== undefined)
    return [`port ${port} may not be used by this user: choose another`];
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return [`HOST: this machine has no address ${address ?? (error as { hostname?: string }).hostname}`];
  }
  if (code?.startsWith('ERR_PARSE_ARGS')) return [`${error.message.split('. ')[0]}. See --help`];
  return [error.message];
}

function rootCause(error: Error): string {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return rootCause(error.errors[0]);
  return error.cause instanceof Error ? rootCause(error.cause) : error.message;
}

function helpText(usage: string, options: Options): string {
  const flags = Object.entries(options).map(([name, { type, help }]) => ({
    flag: `--${name}${type === 'string' ? ' VALUE' : ''}`,
    help,
  }));
  const width = Math.max(...flags.map(({ flag }) => flag.length));
  const lines = flags.map(({ flag, help }) => `  ${flag.padEnd(width)}  ${help}`);
  return `Usage: ${usage}\n\n${lines.join('\n')}\n\nEnvironment variables are listed in README.md.\n`;
}

import { parseArgs } from 'node:util';

/** What a run was asked for. */
export interface Options {
  readonly rounds: number;
  /** Measured per case and round. */
  readonly seconds: number;
  /** Names of contenders and workloads; empty for all. */
  readonly only: readonly string[];
  readonly quick: boolean;
}

export const USAGE = `Usage: npm run bench -- [flags]

  --quick             about 2 minutes: shorter rounds, and only the workloads that most targets are about
  --only NAME,NAME    only these contenders, and only these workloads, if any is named
  --rounds N          rounds of each workload; 3
  --seconds N         measured per case and round; 2, or 1 with --quick
`;

/** @throws Error in a person's words */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string' },
    },
  });
  const { quick } = values;
  return {
    quick,
    rounds: number('--rounds', values.rounds, /^[1-9]\d?$/, 'a whole number from 1 to 99'),
    seconds: number(
      '--seconds',
      values.seconds ?? (quick ? '1' : '2'),
      /^(?=.*[1-9])\d{1,3}(\.\d+)?$/,
      'a number above 0',
    ),
    only: values.only.split(',').filter((name) => name !== ''),
  };
}

function number(flag: string, text: string, form: RegExp, rule: string): number {
  if (!form.test(text)) throw new Error(`${flag} must be ${rule}, but is ${JSON.stringify(text)}`);
  return Number(text);
}

import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { command } from '../../src/app/cli/command.ts';

const DEFAULT_RUNS = '1000';

/** `npm run fuzz`: the tests of this folder with many more runs, and other random numbers each time. */
await command(
  {
    usage: 'npm run fuzz -- [--runs N] [--seed N] [--only http|ports|flat-memory]',
    options: {
      runs: { type: 'string', help: `how often each property is tried; ${DEFAULT_RUNS} by default` },
      seed: { type: 'string', help: 'repeats a run; random by default, and printed' },
      only: { type: 'string', help: 'the one test file to run' },
    },
  },
  async ({ runs = DEFAULT_RUNS, seed = String(randomInt(2 ** 31)), only = '' }) => {
    const vitest = dirname(createRequire(import.meta.url).resolve('vitest/package.json'));
    const child = spawn(process.execPath, [join(vitest, 'vitest.mjs'), 'run', `test/fuzz/${only}`], {
      stdio: 'inherit',
      env: { ...process.env, FUZZ_RUNS: runs, FUZZ_SEED: seed },
    });
    await once(child, 'close');
    process.exitCode = child.exitCode ?? 1;
  },
);

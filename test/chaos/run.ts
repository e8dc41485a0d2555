import { command } from '../../src/app/cli/command.ts';
import { InvalidSettings } from '../../src/app/settings.ts';
import { runChaos } from './chaos.ts';
import { shortcomings } from './checks.ts';
import { commandOf, FLAGS, readOptions } from './options.ts';
import { summaryLines, violationLines } from './report.ts';

/** What a run may take beyond its faults: something hangs otherwise. */
const OVERHEAD_MS = 180_000;

const [PASSED, VIOLATED, BROKEN] = [0, 1, 2];

/** `npm run chaos`: faults of all kinds while clients work, and a check of what they saw. */
await command(
  { usage: 'npm run chaos -- --store postgres|dynamodb [flags]', options: FLAGS },
  async (flags) => {
    const interrupted = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)));
    try {
      const options = readOptions(flags);
      print(`${commandOf(options)}`);
      const late = setTimeout(
        () => interrupted.abort(new Error('the run took too long')),
        options.seconds * 1_000 + OVERHEAD_MS,
      );
      const { history, faults, violations } = await runChaos(options, interrupted.signal, (phase) =>
        print(`${new Date().toISOString()} ${phase}`),
      );
      clearTimeout(late);
      for (const line of [...summaryLines(history, faults, options.store), ...violationLines(violations)])
        print(line);
      const missing = shortcomings(history, faults, options);
      for (const each of missing) print(`TOO LITTLE ${each}`);
      print(`chaos: ${violations.length} violations on ${options.store}; again with: ${commandOf(options)}`);
      if (violations.length > 0) process.exit(VIOLATED);
      process.exit(missing.length > 0 ? BROKEN : PASSED);
    } catch (error) {
      // Whoever typed a wrong flag needs no stack.
      const isTyped = error instanceof InvalidSettings;
      const reason = error instanceof Error && !isTyped ? error.stack : String(error);
      process.stderr.write(`chaos: the run itself failed: ${reason}\n`);
      process.exit(BROKEN);
    }
  },
);

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

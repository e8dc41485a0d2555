import type { Reporter, TestModule } from 'vitest/node';

/** Says at the end of a run what was not tested on this machine, and why: a skipped suite looks green by itself. */
export class SkippedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const reasons = new Set<string>();
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const { note } = test.result() as { readonly note?: string };
        // Without a note it was left out by a filter, such as -t.
        if (note !== undefined) reasons.add(`${module.relativeModuleId}: ${note}`);
      }
    }
    for (const reason of reasons) process.stdout.write(`not tested: ${reason}\n`);
  }
}

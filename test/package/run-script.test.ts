import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeProcess } from '../support/process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** `scripts/run.mjs` in a small project of its own. */
describe('running a program from its source', () => {
  let project: string;

  const write = (file: string, text: string): void => writeFileSync(join(project, 'src', file), text);
  const run = async (...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> => {
    const program = new NodeProcess(['scripts/run.mjs', 'src/app/main.ts', ...args], project, {});
    return { code: await program.exit(), stdout: program.stdout, stderr: program.stderr };
  };

  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'durable-mcp-run-'));
    cpSync(join(ROOT, 'scripts/run.mjs'), join(project, 'scripts/run.mjs'));
    symlinkSync(join(ROOT, 'node_modules'), join(project, 'node_modules'));
    writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
    mkdirSync(join(project, 'src/app'), { recursive: true });
    write('word.ts', `export const word: string = 'one';`);
    write(
      'app/main.ts',
      `import { parseArgs } from 'node:util';
       import { word } from '../word.ts';
       const { values } = parseArgs({ options: { to: { type: 'string' } } });
       const { greet } = await import('./greet.ts');
       process.stdout.write(greet(word, values.to as string));`,
    );
    write('app/greet.ts', `export const greet = (word: string, to: string): string => word + ' ' + to;`);
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));

  // Catches: a server that runs yesterday's code, and a source that was put back, which is older than its output.
  it('runs the sources as they are now, and compiles only what has changed', async () => {
    expect(await run('--to', 'you')).toEqual({ code: 0, stdout: 'one you', stderr: '' });
    const compiled = (file: string) => statSync(join(project, '.compiled', file)).ctimeMs;
    const before = { word: compiled('word.js'), greet: compiled('app/greet.js') };
    write('word.ts', `export const word: string = 'two';`);
    utimesSync(join(project, 'src/word.ts'), new Date(0), new Date(0));
    expect((await run('--to', 'you')).stdout).toBe('two you');
    expect(compiled('word.js')).not.toBe(before.word);
    expect(compiled('app/greet.js')).toBe(before.greet);
  });

  // Catches: an instance that reads half a file while another one, started at the same time, writes it.
  it('replaces a compiled file as a whole', async () => {
    await run('--to', 'you');
    const path = join(project, '.compiled/word.js');
    const before = readFileSync(path, 'utf8');
    const opened = openSync(path, 'r');
    write('word.ts', `export const word: string = 'two';`);
    await run('--to', 'you');
    expect(readFileSync(opened, 'utf8')).toBe(before);
    closeSync(opened);
    expect(readFileSync(path, 'utf8')).toContain('two');
  });

  // Catches: drafts of one name, which one process moves away from under another.
  it('runs in several processes at once from the first time on', async () => {
    for (let n = 0; n < 200; n += 1) write(`other-${n}.ts`, 'export {};');
    const runs = await Promise.all(Array.from({ length: 4 }, () => run('--to', 'all')));
    expect(runs).toEqual(runs.map(() => ({ code: 0, stdout: 'one all', stderr: '' })));
  });

  // Catches: stack traces that point into what was compiled.
  it('names the source in stack traces', async () => {
    write('app/greet.ts', `\n\nexport const greet = (): never => {\n  throw new Error('no word');\n};`);
    const { code, stderr } = await run();
    expect(code).toBe(1);
    expect(stderr).toContain('src/app/greet.ts:4');
  });
});

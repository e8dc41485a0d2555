// node scripts/run.mjs <file in src> [arguments]: runs a TypeScript program.
//
// What has changed since the last run is compiled into .compiled, file by file, with the same folders as src. A
// loader that compiles while Node imports (tsx) makes every import of every package a message to its thread, which
// takes longer than all the rest of a start.
import { mkdirSync, readdirSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [, , program = '', ...args] = process.argv;

process.setSourceMapsEnabled(true);
const stale = readdirSync(join(root, 'src'), { recursive: true })
  .map((file) => join(root, 'src', file))
  .filter((file) => /(?<!\.d)\.ts$/.test(file) && !isCompiled(file));
if (stale.length > 0) await compile(stale);
process.argv = [process.argv[0], join(root, program), ...args];
await import(pathToFileURL(compiled(join(root, program))).href);

function compiled(source) {
  return join(root, '.compiled', relative(join(root, 'src'), source)).replace(/\.ts$/, '.js');
}

/** Compiled files have their source's time: a source that was put back is older than what was made of it before. */
function isCompiled(source) {
  const output = statSync(compiled(source), { throwIfNoEntry: false });
  return output?.mtime.getTime() === statSync(source).mtime.getTime();
}

async function compile(sources) {
  const { build, stop } = await import('esbuild');
  const times = new Map(sources.map((source) => [compiled(source), statSync(source).mtime]));
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: sources,
    outbase: 'src',
    outdir: '.compiled',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    bundle: true, // without it specifiers stay as they are
    packages: 'external',
    plugins: [{ name: 'one-file-each', setup: keepFilesApart }],
    write: false,
  });
  await stop();
  for (const { path, contents } of outputFiles) {
    // Others may start at the same time: they must find a whole file.
    const draft = `${path}.${process.pid}.tmp`;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(draft, contents);
    utimesSync(draft, times.get(path), times.get(path));
    renameSync(draft, path);
  }
}

function keepFilesApart({ onResolve }) {
  onResolve({ filter: /^\.\.?\// }, ({ path }) => ({ path: path.replace(/\.ts$/, '.js'), external: true }));
}

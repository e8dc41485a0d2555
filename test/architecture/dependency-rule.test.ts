import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BIOME = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');

/** A tree with the project's lint configuration and nothing else. */
const tree = mkdtempSync(join(tmpdir(), 'durable-mcp-lint-'));
for (const file of ['biome.json', '.gitignore']) cpSync(join(ROOT, file), join(tree, file));
afterAll(() => rmSync(tree, { recursive: true, force: true }));

/** Plants an import in `file`, and says whether the project's lint lets it pass. */
function mayImport(file: string, specifier: string): boolean {
  const planted = join(tree, file);
  mkdirSync(dirname(planted), { recursive: true });
  writeFileSync(planted, `import * as imported from '${specifier}';\n\nexport { imported };\n`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIOME, 'check', file], {
    cwd: tree,
    encoding: 'utf8',
  });
  const output = `${stdout}${stderr}`;
  const refused = output.includes('lint/style/noRestrictedImports');
  // A linter that did not run, or that found something else, must not count as an answer.
  if (refused === (status === 0)) throw new Error(`biome exited with ${status}:\n${output}`);
  return !refused;
}

describe('the dependency rule', () => {
  it.each([
    ['src/domain/x.ts', 'pg'],
    ['src/domain/x.ts', 'node:fs'],
    ['src/domain/x.ts', '../adapters/memory/store.ts'],
    ['src/domain/x.ts', '../app/service.ts'],
    ['src/ports/x.ts', 'hono'],
    ['src/ports/x.ts', 'node:crypto'],
    ['src/ports/x.ts', '../adapters/memory/store.ts'],
    ['src/adapters/postgres/x.ts', '../memory/store.ts'],
    ['src/adapters/http/x.ts', '../mcp/jsonrpc.ts'],
    ['src/adapters/http/x.ts', '../auth/bearer-token.ts'],
    ['src/adapters/mcp/tools/x.ts', '../../auth/bearer-token.ts'],
    ['src/adapters/mcp/tools/x.ts', '../../http/errors.ts'],
    ['src/adapters/mcp/tools/x.ts', '../../../adapters/http/errors.ts'],
    ['src/adapters/dynamodb/x.ts', '../../app/settings.ts'],
    ['src/adapters/mcp/sessions/x.ts', '../../../app/settings.ts'],
  ])('forbids %s to import %s', (file, specifier) => {
    expect(mayImport(file, specifier)).toBe(false);
  });

  it.each([
    ['src/domain/x.ts', './session.ts'],
    ['src/domain/x.ts', '../ports/session-repository.ts'],
    ['src/domain/x.ts', 'node:crypto'],
    ['src/ports/x.ts', '../domain/session.ts'],
    ['src/ports/x.ts', './clock.ts'],
    ['src/adapters/postgres/x.ts', 'pg'],
    ['src/adapters/postgres/x.ts', '../../domain/errors.ts'],
    ['src/adapters/postgres/x.ts', '../../ports/store.ts'],
    ['src/adapters/mcp/tools/x.ts', '../server-factory.ts'],
    ['src/adapters/mcp/tools/x.ts', '../../../domain/errors.ts'],
    ['src/app/x.ts', '../adapters/memory/store.ts'],
  ])('allows %s to import %s', (file, specifier) => {
    expect(mayImport(file, specifier)).toBe(true);
  });
});

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Imports that are still there at run time: statements without `type`, and calls with a literal. */
const STATEMENT = /^(?:import|export)\s+(?!type\b)(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;
const CALL = /\bimport\('([^']+)'\)/g;

interface Graph {
  readonly files: ReadonlySet<string>;
  /** Names of packages, without Node's own. */
  readonly packages: ReadonlySet<string>;
}

/** All that is loaded with `entries`. @param skip files, by their path in the project, that are not entered */
function importGraph(entries: readonly string[], skip: RegExp = /^$/): Graph {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file) || skip.test(file)) return;
    files.add(file);
    const source = readFileSync(join(ROOT, file), 'utf8');
    for (const [, specifier = ''] of [...source.matchAll(STATEMENT), ...source.matchAll(CALL)]) {
      if (specifier.startsWith('.')) visit(join(dirname(file), specifier));
      else if (!specifier.startsWith('node:')) packages.add(packageName(specifier));
    }
  };
  for (const entry of entries) visit(entry);
  return { files, packages };
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function manifest(path: string): Record<string, Record<string, string>> {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
}

const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = manifest('package.json');
const needed = [
  ...Object.keys(dependencies),
  ...Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name] === undefined),
];

describe('what an entry point loads', () => {
  // Catches: an author on DynamoDB who has to install pg, and a library that brings a server along.
  it.each([
    ['index', needed],
    ['memory', []],
    ['postgres', ['drizzle-orm', 'pg']],
    ['dynamodb', ['@aws-sdk/client-dynamodb', '@aws-sdk/lib-dynamodb', 'electrodb']],
  ])('%s: no packages but %j', (entry, allowed) => {
    const { files, packages } = importGraph([`src/app/library/${entry}.ts`]);
    expect([...packages].sort()).toEqual([...allowed].sort());
    const service = [...files].filter((file) =>
      /^src\/app\/(?:cli|embedded|stores)|^src\/adapters\/mcp\/tools\//.test(file),
    );
    expect(service).toEqual([]);
  });

  it('every package that a store needs is an optional peer', () => {
    const stores = importGraph(['postgres', 'dynamodb'].map((entry) => `src/app/library/${entry}.ts`));
    for (const name of stores.packages) {
      expect(peerDependencies).toHaveProperty([name]);
      expect(peerDependenciesMeta).toHaveProperty([name], { optional: true });
    }
  });
});

describe('what the service loads in production', () => {
  const commands = ['start', 'setup', 'teardown'].map((name) => `src/app/cli/${name}.ts`);

  // Catches: a service that starts on a developer's machine only.
  it('is installed by npm ci --omit=dev', () => {
    const { packages } = importGraph(commands, /^src\/app\/embedded\//);
    const { dependencies: ofService = {} } = manifest('service/package.json');
    const installed = [...Object.keys(dependencies), ...Object.keys(ofService)];
    expect([...packages].filter((name) => !installed.includes(name))).toEqual([]);
  });

  // Catches: a second copy in service/node_modules, where src/app does not look for it.
  it('has the versions that the project is developed with', () => {
    const { packages: locked = {} } = manifest('package-lock.json');
    expect(Object.keys(locked).filter((path) => path.startsWith('service/'))).toEqual([]);
  });
});

// Catches: a lockfile that was made where packages were installed, which knows this platform's variants only.
it('the lockfile holds all platforms, and names no registry', () => {
  const { packages = {} } = manifest('package-lock.json') as unknown as {
    packages: Record<string, { resolved?: string; optionalDependencies?: Record<string, string> }>;
  };
  const urls = Object.values(packages).filter(({ resolved }) => resolved?.includes(':'));
  expect(urls).toEqual([]);
  const names = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')));
  for (const { optionalDependencies = {} } of Object.values(packages)) {
    for (const name of Object.keys(optionalDependencies)) expect(names).toContain(name);
  }
});

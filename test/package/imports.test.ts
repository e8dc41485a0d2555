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

interface GraphOptions {
  /** Files, by their path in the project, that are not entered. */
  readonly skip?: RegExp;
  /** `false` leaves out what is loaded by a call, later than the entries. */
  readonly calls?: boolean;
}

/** All that is loaded with `entries`. */
function importGraph(entries: readonly string[], { skip = /^$/, calls = true }: GraphOptions = {}): Graph {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file) || skip.test(file)) return;
    files.add(file);
    const source = readFileSync(join(ROOT, file), 'utf8');
    const imports = [...source.matchAll(STATEMENT), ...(calls ? source.matchAll(CALL) : [])];
    for (const [, specifier = ''] of imports) {
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
    ['postgres', ['drizzle-orm', 'lru-cache', 'pg']],
    ['dynamodb', ['@aws-sdk/client-dynamodb', '@aws-sdk/lib-dynamodb', 'electrodb']],
  ])('%s: no packages but %j', (entry, allowed) => {
    const { files, packages } = importGraph([`src/app/library/${entry}.ts`]);
    expect([...packages].sort()).toEqual([...allowed].sort());
    const service = [...files].filter((file) =>
      /^src\/app\/(?:cli|embedded|stores)|^src\/adapters\/mcp\/tools\//.test(file),
    );
    expect(service).toEqual([]);
  });

  it('every package that a store needs comes with the library or is an optional peer', () => {
    const stores = importGraph(['postgres', 'dynamodb'].map((entry) => `src/app/library/${entry}.ts`));
    for (const name of stores.packages) {
      if (name in dependencies) continue;
      expect(peerDependencies).toHaveProperty([name]);
      expect(peerDependenciesMeta).toHaveProperty([name], { optional: true });
    }
  });
});

describe('what the service loads in production', () => {
  const commands = ['start', 'setup', 'teardown'].map((name) => `src/app/cli/${name}.ts`);

  // Catches: a service that starts on a developer's machine only.
  it('is installed by npm ci --omit=dev', () => {
    const { packages } = importGraph(commands, { skip: /^src\/app\/embedded\// });
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

describe('what a start loads', () => {
  // Catches: a server whose SDK or driver is loaded first, so that the embedded engine starts half a second later.
  it('is the log alone before an engine is asked for', () => {
    const { files, packages } = importGraph(['src/app/cli/dev.ts', 'src/app/embedded/engine.ts'], {
      calls: false,
    });
    expect([...packages]).toEqual(['pino']);
    expect(files).toContain('src/app/stores/open-store.ts');
    expect(importGraph(['src/app/cli/dev.ts']).files).toContain('src/app/embedded/engine.ts');
  });

  // Catches: a start on Postgres that loads the AWS SDK, and one on DynamoDB that loads drizzle-orm.
  it.each([
    ['postgres', ['drizzle-orm', 'lru-cache', 'pg']],
    ['dynamodb', ['@aws-sdk/client-dynamodb', '@aws-sdk/lib-dynamodb', 'electrodb']],
  ])('is of stores that of %s alone', (store, allowed) => {
    const { packages } = importGraph([`src/app/stores/${store}.ts`], { calls: false });
    expect([...packages].sort()).toEqual(allowed);
    const server = importGraph(['src/app/service.ts', 'src/app/http-server.ts']);
    expect(server.packages).toContain('zod');
    const ofStore = allowed.filter((name) => !(name in dependencies));
    expect([...server.packages].filter((name) => ofStore.includes(name))).toEqual([]);
  });

  // Catches: a supervisor with a part of the server in it, which every first start waits for.
  it('is of the supervisor an engine, and nothing of the server', () => {
    const { files, packages } = importGraph(['src/app/embedded/supervisor.ts']);
    expect([...packages]).toEqual(['dynalite']);
    expect([...files].filter((file) => !file.startsWith('src/app/embedded/'))).toEqual([]);
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

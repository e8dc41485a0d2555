import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase } from '../support/postgres.ts';
import { NodeProcess } from '../support/process.ts';
import { connectClient, type TestClient } from '../support/service.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BOUND_MS = 120_000;

/** All that `npm pack` needs. A copy, because other tests run from the project while this one builds. */
const SOURCES = ['package.json', 'tsconfig.json', 'tsconfig.library.json', 'scripts', 'src', 'migrations'];
const TEXTS = ['README.md', 'LICENSE', 'CHANGELOG.md', 'docs'];

/** A use of every entry point, to be compiled where all stores' packages are installed. */
const USE_OF_ALL = `
  import { durableMcp, type Store } from 'durable-mcp';
  import { createTables, deleteTables, dynamodbClient, dynamodbStore } from 'durable-mcp/dynamodb';
  import { memoryStore, sharedMemory } from 'durable-mcp/memory';
  import { migrate, postgresStore, teardown } from 'durable-mcp/postgres';

  const client = dynamodbClient({ region: 'eu-central-1' });
  const connectionString = 'postgres://localhost/app';
  await createTables({ client });
  await migrate({ connectionString });
  const stores: Store[] = [
    dynamodbStore({ client }), memoryStore(sharedMemory()), postgresStore({ connectionString }),
  ];
  export const endpoints = stores.map((store) => durableMcp({ store, server: () => { throw new Error(store.name); } }));
  const { deleted } = await deleteTables({ client, tableName: 'other' });
  const { dropped } = await teardown({ connectionString });
  export const names: readonly string[] = [...deleted, ...dropped];
`;

let scratch: string;
let project: string;
let tarball: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'durable-mcp-package-'));
  project = join(scratch, 'project');
  for (const name of [...SOURCES, ...TEXTS])
    await cp(join(ROOT, name), join(project, name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(project, 'node_modules'), 'junction');
  await run('npm', ['pack', '--pack-destination', scratch], project);
  const packed = (await readdir(scratch)).find((name) => name.endsWith('.tgz'));
  tarball = join(scratch, packed ?? 'nothing was packed');
}, BOUND_MS);
afterAll(() => rm(scratch, { recursive: true, force: true }));

// Catches: a declaration that no one outside can resolve, and a signature that asks for more than it says.
it(
  'the declarations of all entry points compile',
  async () => {
    await writeFile(join(project, 'use.ts'), USE_OF_ALL);
    const options = ['--noEmit', '--strict', '--target', 'es2023', '--module', 'nodenext', '--types', 'node'];
    const strict = ['--lib', 'es2023,dom', '--skipLibCheck', 'false', '--ignoreConfig'];
    await run('npx', ['--no-install', 'tsc', ...options, ...strict, 'use.ts'], project);
  },
  BOUND_MS,
);

describe('the package without a store of its own', () => {
  let consumer: string;
  const file = (path: string) => join(consumer, 'node_modules', 'durable-mcp', path);

  beforeAll(async () => {
    consumer = await install('bare', {
      dependencies: {
        'durable-mcp': `file:${tarball}`,
        '@modelcontextprotocol/server': await versionHere('@modelcontextprotocol/server'),
      },
    });
  }, BOUND_MS);

  // Catches: tests, the service or stale files in the tarball; maps of sources that are not in it; no migrations.
  it('holds the library, its declarations and the migrations, and nothing else', async () => {
    const files = (await readdir(file('.'), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(file('.').length + 1));
    expect(files).toEqual(
      expect.arrayContaining([
        'README.md',
        'LICENSE',
        'CHANGELOG.md',
        'migrations/0000_sessions.sql',
        'migrations/meta/_journal.json',
        'dist/app/library/index.d.ts',
      ]),
    );
    const kinds =
      /^(dist\/(domain|ports|adapters|app)\/[\w/-]+(\.js|\.d\.ts)|migrations\/.*|docs\/.*\.md|[A-Z]+(\.md)?|package\.json)$/;
    expect(files.filter((name) => !kinds.test(name))).toEqual([]);
    expect(files.filter((name) => /\/(cli|embedded|stores|tools|test)\/|\.map$/.test(name))).toEqual([]);
    for (const name of files.filter((each) => each.startsWith('dist/'))) {
      const text = await readFile(file(name), 'utf8');
      expect(text, name).not.toContain('sourceMappingURL');
      expect(text, name).not.toMatch(/(from |import\()'\.[^']*\.ts'/);
    }
  });

  it('brings little along, and no store', async () => {
    const manifest = JSON.parse(await readFile(file('package.json'), 'utf8'));
    expect(manifest.private).toBeUndefined();
    expect(Object.keys(manifest.dependencies)).toEqual(['jose', 'lru-cache', 'zod']);
    expect(manifest.optionalDependencies).toBeUndefined();
    const installed = await readdir(join(consumer, 'node_modules'));
    for (const name of ['pg', 'drizzle-orm', 'electrodb', '@aws-sdk', 'pino', '@dynoxide']) {
      expect(installed).not.toContain(name);
    }
  });

  it('serves from memory with nothing else installed', async () => {
    const program = `
      import { durableMcp, SessionNotFound, DEFAULT_LIMITS } from 'durable-mcp';
      import { memoryStore, sharedMemory } from 'durable-mcp/memory';
      import { McpServer } from '@modelcontextprotocol/server';
      const server = () => new McpServer({ name: 'bare', version: '1' });
      const mcp = durableMcp({ store: memoryStore(sharedMemory()), server });
      const body = { jsonrpc: '2.0', id: 1, method: 'initialize', params: {
        protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } } };
      const response = await mcp.fetch(new Request('http://localhost/mcp', {
        method: 'POST', body: JSON.stringify(body), headers: { host: 'localhost',
          'content-type': 'application/json', accept: 'application/json, text/event-stream' } }));
      console.log(response.status, response.headers.has('mcp-session-id'), new SessionNotFound().code);
      await mcp.close();`;
    expect(await runProgram(program)).toBe('200 true session_not_found');
  });

  it.each([
    ['postgres', 'pg'],
    ['dynamodb', '@aws-sdk/client-dynamodb'],
  ])('durable-mcp/%s fails with an error of Node that names %s', async (entry, name) => {
    const program = `await import('durable-mcp/${entry}').catch((error) => console.log(error.code, error.message));`;
    expect(await runProgram(program)).toMatch(
      new RegExp(`^ERR_MODULE_NOT_FOUND Cannot find package '${name}'`),
    );
  });

  const runProgram = (program: string) =>
    run(process.execPath, ['--input-type=module', '--eval', program], consumer);
});

describe('the example, as an author installs it', () => {
  let example: string;
  const started: NodeProcess[] = [];

  beforeAll(async () => {
    const source = join(ROOT, 'examples', 'notes');
    const manifest = JSON.parse(await readFile(join(source, 'package.json'), 'utf8'));
    for (const group of ['dependencies', 'devDependencies']) {
      for (const name of Object.keys(manifest[group])) {
        // The versions that are tested here, so that a release elsewhere cannot fail this test.
        manifest[group][name] = name === 'durable-mcp' ? `file:${tarball}` : await versionHere(name);
      }
    }
    example = await install('notes', manifest);
    for (const name of ['tsconfig.json', 'src']) {
      await cp(join(source, name), join(example, name), { recursive: true });
    }
    await run('npm', ['run', 'build'], example);
  }, BOUND_MS);
  afterAll(async () => {
    for (const each of started) await each.kill('SIGKILL');
  });

  // Catches: declarations that only resolve the way Node does, or that only this project's settings forgive.
  it.each([
    ['nodenext', 'nodenext'],
    ['preserve', 'bundler'],
  ])(
    'compiles with module %s and moduleResolution %s, declarations included',
    async (module, resolution) => {
      const options = ['--noEmit', '--module', module, '--moduleResolution', resolution];
      // The declarations of hono and the SDK want the browser's types too.
      const strict = [
        '--lib',
        'es2023,dom',
        '--skipLibCheck',
        'false',
        '--exactOptionalPropertyTypes',
        'true',
      ];
      await run('npx', ['--no-install', 'tsc', ...options, ...strict], example);
    },
    BOUND_MS,
  );

  it('takes notes in memory', async () => {
    const server = await start();
    const client = await connectClient(server.url);
    expect(await call(client, 'read_note', { title: 'a' })).toBe('There is no such note.');
    expect(await call(client, 'write_note', { title: 'a', text: 'one', version: 0 })).toBe(
      'Written as version 1.',
    );
    expect(await call(client, 'write_note', { title: 'a', text: 'two', version: 0 })).toContain(
      'its version is 1',
    );
    expect(await call(client, 'list_notes')).toBe('a');
    expect(await call(client, 'delete_note', { title: 'a' })).toBe('Deleted.');
    await client.close();
    expect(await server.kill('SIGTERM')).toBe(0);
  });

  // Catches: migrations that are not packed or not found, and a session that an instance keeps to itself.
  it('keeps notes in Postgres, for another instance and after a kill', async () => {
    const database = await createTestDatabase('empty');
    const servers = await Promise.all([start(database.url), start(database.url)]);
    const [one, other] = servers;
    const client = await connectClient(one.url);
    await call(client, 'write_note', { title: 'a', text: 'one', version: 0 });
    const { sessionId } = client.transport;

    const note = JSON.stringify({ value: { text: 'one' }, version: 1 });
    expect(await callInSession(other.url, sessionId, 'read_note', { title: 'a' })).toBe(note);
    await Promise.all(servers.map((server) => server.kill('SIGKILL')));

    const next = await start(database.url);
    expect(await callInSession(next.url, sessionId, 'read_note', { title: 'a' })).toBe(note);
    expect(await next.kill('SIGTERM')).toBe(0);
    await database.drop();
  });

  async function start(databaseUrl?: string): Promise<NodeProcess & { readonly url: string }> {
    const server = new NodeProcess(['dist/server.js'], example, {
      PORT: '0',
      ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    });
    started.push(server);
    return Object.assign(server, { url: await server.ready() });
  }
});

async function call(client: TestClient, tool: string, args: Record<string, unknown> = {}): Promise<string> {
  const [content] = (await client.call(tool, args)).content;
  return content?.type === 'text' ? content.text : `${content?.type}`;
}

/** In a session that some other client opened. */
async function callInSession(
  url: string,
  sessionId: string | undefined,
  tool: string,
  args: Record<string, unknown>,
): Promise<string> {
  const client = await connectClient(url, sessionId);
  try {
    return await call(client, tool, args);
  } finally {
    await client.close();
  }
}

/** A project of a consumer, with what its manifest asks for. */
async function install(name: string, manifest: object): Promise<string> {
  const directory = join(scratch, name);
  await mkdir(directory);
  const text = JSON.stringify({ private: true, type: 'module', ...manifest });
  await writeFile(join(directory, 'package.json'), text);
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await run('npm', ['install', ...quiet], directory);
  return directory;
}

async function versionHere(name: string): Promise<string> {
  const manifest = await readFile(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
  return JSON.parse(manifest).version;
}

/** @returns what the program printed @throws with all that it printed, if it failed */
async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  // What npm tells its scripts of this project must not reach an npm in another.
  const ofNpm = /^(npm_(package|lifecycle|config_local_prefix)|INIT_CWD$|NODE_ENV$|NODE_OPTIONS$)/;
  const kept = Object.entries(process.env).filter(([name]) => !ofNpm.test(name));
  try {
    const options = { cwd, env: Object.fromEntries(kept), timeout: BOUND_MS };
    const { stdout } = await promisify(execFile)(program, args, options);
    return stdout.trim();
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}

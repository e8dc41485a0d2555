import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedEngine, joinEngine } from '../../src/app/embedded/engine.ts';
import { freePort } from '../../src/app/embedded/port.ts';
import { CommandProcess } from '../support/process.ts';
import { connectClient } from '../support/service.ts';

/** The commands as a person runs them, on embedded engines that the test keeps alive. */
describe.each(['postgres', 'dynamodb'] as const)('the commands for %s', (store) => {
  let dataDir: string;
  let engine: EmbeddedEngine;
  let production: Record<string, string>;

  const run = async (script: string, environment: Record<string, string> = {}, args: string[] = []) => {
    const command = new CommandProcess(script, ['--store', store, ...args], {
      DATA_DIR: dataDir,
      ...environment,
    });
    return { code: await command.exit(), stdout: command.stdout, stderr: command.stderr };
  };

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'durable-mcp-commands-'));
    engine = await joinEngine({ kind: store, dataDir, durable: false });
    production =
      store === 'postgres' ? { DATABASE_URL: engine.url } : { AWS_ENDPOINT_URL_DYNAMODB: engine.url };
  });
  afterAll(async () => {
    await engine?.leave();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  });

  // Catches: a teardown that reports success for tables that never existed.
  it('teardown of nothing is a success that says so', async () => {
    const { code, stdout } = await run('teardown.ts', { CONFIRM_DELETE: 'yes' });
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('nothing was there') });
  });

  it('the production server refuses to start without tables, and names the command that makes them', async () => {
    const { code, stdout, stderr } = await run('start.ts', production, ['--port', '0']);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain(store === 'postgres' ? 'npm run migrate' : 'npm run setup:dynamodb');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  // Catches: a setup that fails on its second run, and races between several.
  it('setup by four at once creates everything once, and again says that it is there', async () => {
    const runs = await Promise.all(Array.from({ length: 4 }, () => run('setup.ts')));
    expect(runs.map(({ code, stderr }) => ({ code, error: code === 0 ? '' : stderr }))).toEqual(
      Array.from({ length: 4 }, () => ({ code: 0, error: '' })),
    );
    expect(runs.map(({ stdout }) => stdout).join('')).toContain('created ');
    const again = await run('setup.ts');
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('already there') });
  });

  it('the production server serves on tables that are there', async () => {
    const server = new CommandProcess('start.ts', ['--store', store, '--port', '0'], production);
    const url = await server.ready();
    expect(server.stdout).toMatch(
      new RegExp(`^durable-mcp listening on http://127\\.0\\.0\\.1:\\d+/mcp \\(${store}\\)\\n$`),
    );
    const client = await connectClient(url);
    await client.call('store_value', { key: 'k', value: [1] });
    expect((await client.call('get_value', { key: 'k' })).structuredContent).toMatchObject({ value: [1] });
    await client.close();
    expect(await server.kill('SIGINT')).toBe(0);
  });

  it('a port in use is told in one line', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = blocker.address() as AddressInfo;
    const { code, stderr } = await run('dev.ts', {}, ['--port', String(port)]);
    blocker.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`port ${port} .* in use`));
  });

  it.each([
    [['--port', 'x'], {}, /^durable-mcp: PORT must be/m],
    [['--nonsense'], {}, /^durable-mcp: Unknown option '--nonsense'/m],
    [[], { SESSION_TTL_SECONDS: 'x', LOG_LEVEL: 'y' }, /SESSION_TTL_SECONDS.*\n.*LOG_LEVEL/],
  ])('bad settings (%j %j) stop the start with one line each', async (args, environment, expected) => {
    const { code, stdout, stderr } = await run(
      'dev.ts',
      environment as Record<string, string>,
      args as string[],
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(expected as RegExp);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('teardown without CONFIRM_DELETE=yes deletes nothing and says how', async () => {
    for (const environment of [{}, { CONFIRM_DELETE: 'true' }]) {
      const { code, stderr } = await run('teardown.ts', environment);
      expect(code).toBe(1);
      expect(stderr).toContain(`CONFIRM_DELETE=yes npm run teardown:${store}`);
    }
    expect((await run('setup.ts')).stdout).toContain('already there');
  });

  it('teardown with it removes everything, so that setup begins anew', async () => {
    const removed = await run('teardown.ts', { CONFIRM_DELETE: 'yes' });
    expect(removed).toMatchObject({ code: 0, stdout: expect.stringContaining('verified that it is gone') });
    expect((await run('teardown.ts', { CONFIRM_DELETE: 'yes' })).stdout).toContain('nothing was there');
    expect((await run('setup.ts')).stdout).toContain('created ');
  });

  it('CREATE_TABLES_IF_MISSING=true lets the production server make them', async () => {
    await run('teardown.ts', { CONFIRM_DELETE: 'yes' });
    const server = new CommandProcess('start.ts', ['--store', store, '--port', '0'], {
      ...production,
      CREATE_TABLES_IF_MISSING: 'true',
    });
    await connectClient(await server.ready());
    expect(await server.kill('SIGTERM')).toBe(0);
  });

  it('--help says what there is', async () => {
    for (const script of ['dev.ts', 'start.ts', 'setup.ts', 'teardown.ts']) {
      const { code, stdout } = await run(script, {}, ['--help']);
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('--store') });
    }
  });
});

describe('the production server', () => {
  it('says what is missing: the store, or DATABASE_URL', async () => {
    const none = new CommandProcess('start.ts', [], {});
    expect(await none.exit()).toBe(1);
    expect(none.stderr).toContain('--store must be postgres or dynamodb');
    const unset = new CommandProcess('start.ts', ['--store', 'postgres'], {});
    expect(await unset.exit()).toBe(1);
    expect(unset.stderr).toContain('DATABASE_URL is not set');
  });

  it('that cannot reach its store says so and ends', async () => {
    const port = await freePort(undefined);
    const server = new CommandProcess('start.ts', ['--store', 'postgres', '--port', '0'], {
      DATABASE_URL: `postgres://user:hunter2@127.0.0.1:${port}/db`,
    });
    expect(await server.exit()).toBe(1);
    expect(server.stderr).toContain('unavailable');
    expect(server.stderr).toContain('ECONNREFUSED');
    expect(server.stderr).not.toContain('hunter2');
  });
});

import type { ElicitRequestFormParams, VersionNegotiationMode } from '@modelcontextprotocol/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LIFETIME } from '../../src/app/defaults.ts';
import { DEFAULT_LIMITS } from '../../src/domain/limits.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { memoryHarness } from '../support/memory.ts';
import { connectModern, MODERN_ONLY, type ModernClient, type ModernOptions } from '../support/v2-client.ts';
import { fixtureServer } from './fixture-server.ts';

const CLIENTS: readonly [string, VersionNegotiationMode, string][] = [
  ['that asks what the server speaks', 'auto', '2026-07-28'],
  ['of 2026-07-28 alone', MODERN_ONLY, '2026-07-28'],
  ['of sessions', 'legacy', '2025-11-25'],
];

/** The fixture as the official client has it, each request on one of three instances. */
describe.each(CLIENTS)('the official client %s', (_, mode, revision) => {
  let cluster: Cluster;
  /** Which instances made a server. */
  const served = new Set<string>();
  const bugs: unknown[] = [];
  const open: ModernClient[] = [];

  beforeAll(async () => {
    const server = fixtureServer({
      storage: 'memory',
      lifetime: DEFAULT_LIFETIME,
      limits: DEFAULT_LIMITS,
      authenticates: false,
      onBug: (error) => bugs.push(error),
    });
    cluster = await startCluster({
      harness: await memoryHarness(),
      server: (instance, caller) => {
        served.add(instance);
        return server(caller);
      },
    });
  });
  afterEach(async () => {
    for (const client of open.splice(0)) await client.close();
  });
  afterAll(async () => {
    await cluster.close();
    expect(bugs).toEqual([]);
  });

  const connect = async (options: Omit<ModernOptions, 'mode'> = {}): Promise<ModernClient> => {
    const client = await connectModern(`${cluster.proxy.origin}/mcp`, { mode, ...options });
    open.push(client);
    expect(client.revision).toBe(revision);
    return client;
  };

  it('finds what is stored on every instance', async () => {
    served.clear();
    const { call } = await connect();
    const opened = (await call('open_session')).structuredContent as { session_id: string };
    const session_id = opened.session_id;
    for (let n = 1; n <= 12; n += 1) {
      await call('store_value', { session_id, key: `k${n}`, value: n });
      expect((await call('get_value', { session_id, key: `k${n}` })).structuredContent).toMatchObject({
        value: n,
      });
    }
    expect([...served].sort()).toEqual(['a', 'b', 'c']);
  });

  // Catches: rounds that only the instance of the first one understands, and questions that are asked twice.
  it('is asked round by round, and answers each question once', async () => {
    const asked: string[] = [];
    const { call } = await connect({
      elicit: ({ message }) => {
        asked.push(message);
        return { action: 'accept', content: { name: 'Ada', color: 'green' } };
      },
    });
    for (let n = 0; n < 6; n += 1) {
      expect(await call('test_input_required_result_multi_round')).toMatchObject({
        content: [{ text: 'Ada likes green' }],
      });
    }
    expect(asked.filter((message) => message.startsWith('Step 1'))).toHaveLength(6);
    expect(asked.filter((message) => message.startsWith('Step 2'))).toHaveLength(6);
  });

  it('answers the user’s, its model’s and its own part of one round', async () => {
    const { call } = await connect({
      elicit: () => ({ action: 'accept', content: { name: 'Ada' } }),
      sample: () => ({ role: 'assistant', model: 'm', content: { type: 'text', text: 'Good day' } }),
      roots: () => [{ uri: 'file:///one' }, { uri: 'file:///two' }],
    });
    expect(await call('test_input_required_result_multiple_inputs')).toMatchObject({
      content: [{ text: 'Good day Ada: 2 roots' }],
    });
  });

  it('hears that the user said no', async () => {
    const { call } = await connect({ elicit: () => ({ action: 'decline' }) });
    expect(await call('ask', { message: 'Well?' })).toMatchObject({
      isError: true,
      content: [{ text: 'The user declined to answer.' }],
    });
  });

  it('is shown the same form by the same tool', async () => {
    const forms: unknown[] = [];
    const { call } = await connect({
      elicit: (params) => {
        forms.push((params as ElicitRequestFormParams).requestedSchema);
        return { action: 'accept', content: { answer: 'yes' } };
      },
    });
    expect((await call('ask', { message: 'Well?' })).structuredContent).toEqual({ answer: 'yes' });
    expect(forms).toEqual([
      expect.objectContaining({
        type: 'object',
        properties: { answer: { type: 'string', description: 'Your answer' } },
        required: ['answer'],
      }),
    ]);
  });

  it('gets log messages and progress in order, before the result', async () => {
    const { client } = await connect();
    const heard: unknown[] = [];
    client.setNotificationHandler('notifications/message', ({ params }) => void heard.push(params.data));
    const counted = await client.callTool({
      name: 'count',
      arguments: { to: 5 },
      _meta: { 'io.modelcontextprotocol/logLevel': 'info' },
    });
    expect(heard).toEqual([1, 2, 3, 4, 5]);
    expect(counted.structuredContent).toEqual({ counted: 5 });
    const progress: number[] = [];
    await client.callTool(
      { name: 'test_tool_with_progress' },
      { onprogress: (step) => void progress.push(step.progress) },
    );
    expect(progress).toEqual([0, 50, 100]);
  });

  // Catches: headers that are lost on the way, without which the call is refused.
  it('shows an argument in a header where a tool asks for that, and where its revision has that', async () => {
    const shown: (string | null)[] = [];
    const { client, call } = await connect({
      fetch: (url, init) => {
        if (String(init?.body).includes('tools/call')) {
          shown.push(new Headers(init?.headers).get('mcp-param-region'));
        }
        return fetch(url, init);
      },
    });
    await client.listTools();
    expect(await call('test_x_mcp_header', { region: 'Ålesund' })).toMatchObject({
      content: [{ text: 'region=Ålesund' }],
    });
    const encoded = `=?base64?${Buffer.from('Ålesund').toString('base64')}?=`;
    expect(shown).toEqual([revision === '2026-07-28' ? encoded : null]);
  });
});

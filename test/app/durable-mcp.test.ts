import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/adapters/memory/store.ts';
import { durableMcp } from '../../src/app/durable-mcp.ts';
import type { DurableMcpOptions } from '../../src/app/durable-mcp-options.ts';
import { initializeMessage, post } from '../support/service.ts';

function make(options: Partial<DurableMcpOptions>) {
  return durableMcp({
    store: memoryStore(),
    server: () => new McpServer({ name: 'test', version: '1' }),
    ...options,
  });
}

describe('an option of durableMcp', () => {
  it.each([
    ['lifetime.idleMs', { lifetime: { idleMs: 0 } }],
    ['lifetime.idleMs', { lifetime: { idleMs: Number.NaN } }],
    ['lifetime.maxLifetimeMs', { lifetime: { idleMs: 1_000, maxLifetimeMs: 999 } }],
    ['limits.valueBytes', { limits: { valueBytes: 384 * 1024 + 1 } }],
    ['limits.keysPerSession', { limits: { keysPerSession: 0 } }],
    ['limits.eventsPerStream', { limits: { eventsPerStream: 1.5 } }],
    ['eventRetentionMs', { eventRetentionMs: 9_999 }],
    ['maxBodyBytes', { maxBodyBytes: -1 }],
  ] as const)('%s out of its limits is refused by name', async (name, options) => {
    expect(() => make(options)).toThrow(new RegExp(`^${name} must be a whole number from `));
  });

  // Catches: hosts that are compared with the lower-cased header as they were written.
  it('names hosts and origins in any case', async () => {
    const mcp = make({ allowedHosts: ['Mcp.Example.com'], allowedOrigins: ['https://App.example.com'] });
    const headers = { host: 'mcp.example.COM', origin: 'https://app.example.com' };
    const response = await mcp.fetch(
      new Request('http://mcp.example.com/', post(initializeMessage(), headers)),
    );
    expect(response.status).toBe(200);
    await mcp.close();
  });
});

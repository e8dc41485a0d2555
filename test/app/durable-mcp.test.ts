import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { describe, expect, it } from 'vitest';
import { jwtAuthentication } from '../../src/adapters/auth/jwt-authentication.ts';
import { memoryStore } from '../../src/adapters/memory/store.ts';
import { durableMcp } from '../../src/app/durable-mcp.ts';
import type { DurableMcpOptions } from '../../src/app/durable-mcp-options.ts';
import { StoreUnavailable } from '../../src/domain/errors.ts';
import { FaultyStore } from '../support/faulty-store.ts';
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
    ['limits.sessionsPerPrincipal', { limits: { sessionsPerPrincipal: 0 } }],
    ['limits.streamsPerSession', { limits: { streamsPerSession: 0 } }],
    ['limits.streamsPerInstance', { limits: { streamsPerInstance: Number.NaN } }],
    ['eventRetentionMs', { eventRetentionMs: 9_999 }],
    ['maxBodyBytes', { maxBodyBytes: -1 }],
  ] as const)('%s out of its limits is refused by name', async (name, options) => {
    expect(() => make(options)).toThrow(new RegExp(`^${name} must be a whole number from `));
  });

  // Catches: a name that no request can carry, for which its author then has every request refused, or a wildcard that
  // is none.
  it.each([
    ['allowedHosts', { allowedHosts: ['ok.example', 'https://app.example.com'] }],
    ['allowedHosts', { allowedHosts: ['*'] }],
    ['allowedHosts', { allowedHosts: ['fd00::1'] }],
    ['allowedOrigins', { allowedOrigins: ['app.example.com'] }],
    ['allowedOrigins', { allowedOrigins: ['https://app.example.com/'] }],
  ] as const)('%s that no request can carry is refused by name', (name, options) => {
    expect(() => make(options)).toThrow(new RegExp(`^${name} must be .*, but one is "`));
  });

  it('that says whom a request comes from is one of two', () => {
    const authentication = jwtAuthentication({ issuer: 'https://i.example', audience: 'https://me.example' });
    expect(() => make({ authentication, principal: () => undefined })).toThrow(TypeError);
  });

  // Catches: an audience that is not checked since it was forgotten.
  it('of jwtAuthentication is refused by name', () => {
    for (const audience of [undefined as never, ' ']) {
      const options = { issuer: 'https://i.example', audience, resource: 'https://me.example' };
      expect(() => jwtAuthentication(options)).toThrow(/^authentication: audience must not be empty/);
    }
    expect(() =>
      jwtAuthentication({ issuer: 'http://i.example', audience: '', clockToleranceSeconds: 61 }),
    ).toThrow(
      /^authentication: issuer must .*\nauthentication: audience must .*\n.*resource must .*\n.*Seconds must [^\n]*$/,
    );
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

describe('a close', () => {
  // Catches: a change that is dropped although the store is there, one that holds up the close for as long as it is
  // not, and a rejection that nobody handles, which ends the process.
  it('writes changes that wait, and gives up those that the store does not take', async () => {
    const store = new FaultyStore();
    const errors: unknown[] = [];
    const options = {
      store: store.wrap(memoryStore()),
      onStoreError: (error: unknown) => errors.push(error),
    };
    const mcp = make(options);
    store.fate = () => (store.failures < 2 ? 'refused' : 'made');
    let isStored = false;
    void mcp.notify.toolsChanged().then(() => {
      isStored = true;
    });
    await mcp.close();
    expect(isStored).toBe(true);
    await expect(mcp.notify.toolsChanged()).rejects.toThrow(StoreUnavailable);

    const other = make(options);
    store.fate = () => 'refused';
    const waiting = other.notify.resourceUpdated('x:1');
    void other.notify.promptsChanged();
    await other.close();
    await expect(waiting).rejects.toThrow(StoreUnavailable);
    expect(errors).toContainEqual(expect.any(StoreUnavailable));
  });
});

describe('a caller', () => {
  // Catches: a subject that an author has not found, or an issuer forgotten, which would be that of all such callers.
  it.each([
    ['an empty subject', { issuer: 'https://i.example', subject: '' }],
    ['a blank subject', { issuer: 'https://i.example', subject: ' ' }],
    ['no subject', { issuer: 'https://i.example' }],
    ['an empty issuer', { issuer: '', subject: 'alice' }],
    ['a subject that is no text', { issuer: 'https://i.example', subject: 7 }],
    ['a name alone', 'alice'],
    ['null', null],
  ])('with %s is nobody, and its author’s mistake', async (_, principal) => {
    for (const known of [
      { principal: () => principal as never },
      { authentication: { principalOf: async () => principal as never } },
    ]) {
      const bugs: unknown[] = [];
      const mcp = make({ ...known, onBug: (error) => bugs.push(error) });
      const init = post(initializeMessage(), { host: '127.0.0.1' });
      const response = await mcp.fetch(new Request('http://127.0.0.1/', init));
      expect(response.status).toBe(500);
      expect(response.headers.get('mcp-session-id')).toBeNull();
      expect(bugs).toEqual([expect.any(TypeError)]);
      expect(String(bugs[0])).toMatch(/principal must be undefined, or have an issuer and a subject/);
      await mcp.close();
    }
  });
});

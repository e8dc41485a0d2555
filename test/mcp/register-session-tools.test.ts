import { expect, it } from 'vitest';
import type { CallerSession } from '../../src/adapters/mcp/caller-session.ts';
import { registerSessionTools } from '../../src/adapters/mcp/session-tools/register-session-tools.ts';
import { DEFAULT_LIFETIME } from '../../src/app/defaults.ts';
import { DEFAULT_LIMITS } from '../../src/domain/limits.ts';

// Catches: schemas that are built with each request of 2026-07-28, which has a server to itself.
it('the schemas of session tools are made once', () => {
  const service = {
    storage: 'memory',
    lifetime: DEFAULT_LIFETIME,
    limits: DEFAULT_LIMITS,
    authenticates: true,
    onBug: () => {},
  };
  const registered = (era: CallerSession['era']) => {
    const schemas = new Map<string, readonly unknown[]>();
    const registerTool = (name: string, { inputSchema, outputSchema }: Record<string, unknown>): void => {
      schemas.set(name, [inputSchema, outputSchema]);
    };
    registerSessionTools({ registerTool }, { service, era } as unknown as CallerSession);
    return schemas;
  };
  const [first, second] = [registered('modern'), registered('modern')];
  expect([...first.keys()]).toEqual(['open_session', 'close_session', 'list_sessions']);
  for (const [name, schemas] of first) {
    for (const [index, schema] of schemas.entries()) expect(second.get(name)?.[index]).toBe(schema);
  }
  expect(registered('legacy').get('close_session')?.[0]).not.toBe(first.get('close_session')?.[0]);
});

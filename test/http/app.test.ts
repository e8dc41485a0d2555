import { afterEach, expect, it, vi } from 'vitest';
import { httpApp } from '../../src/adapters/http/app.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

// Catches: a stack on the console, past the logger, and a client that is told nothing by which it could be found there.
it('an error that nobody foresaw is told with the reference that its client is given, and not printed', async () => {
  const printed = vi.spyOn(console, 'error').mockImplementation(() => {});
  const bugs: [error: unknown, reference: string][] = [];
  const bug = new Error('a secret');
  const app = httpApp({
    mcp: async () => new Response(),
    notReady: () => Promise.reject(bug),
    onBug: (...told) => void bugs.push(told),
  });
  const response = await app.request('/readyz');
  const [[error, reference] = []] = bugs;
  expect(error).toBe(bug);
  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({
    error: { message: `Internal error. Reference: ${reference}`, data: { reason: 'internal' } },
  });
  expect(printed).not.toHaveBeenCalled();
});

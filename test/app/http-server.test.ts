import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { listen } from '../../src/app/http-server.ts';
import type { Service } from '../../src/app/service.ts';

/** A service whose one call runs until it is let go, or until the endpoint is stopped. */
function slowService() {
  let end = (_: string): void => {};
  let started = (): void => {};
  const outcome = new Promise<string>((resolve) => {
    end = resolve;
  });
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  const app = new Hono();
  app.get('/slow', async (c) => {
    started();
    return c.text(await outcome);
  });
  const service = {
    app,
    mcp: { endStreams: () => {}, idle: async () => void (await outcome), stop: async () => end('stopped') },
  } as unknown as Service;
  return { service, running, finish: () => end('finished') };
}

const ADDRESS = { host: '127.0.0.1', port: 0 };

describe('a stop', () => {
  it('lets a call that runs finish, and accepts no other', async () => {
    const { service, running, finish } = slowService();
    const server = await listen(service, ADDRESS);
    const call = fetch(`${server.origin}/slow`);
    await running;
    const stopped = server.stop();
    await expect(fetch(`${server.origin}/slow`)).rejects.toThrow();
    finish();
    const response = await call;
    expect(await response.text()).toBe('finished');
    // A connection kept alive would hold up the stop.
    expect(response.headers.get('connection')).toBe('close');
    await stopped;
  });

  // Catches: a stop that waits for ever, and one that cuts the call off without a word.
  it('ends a call that takes too long with an answer that says so', async () => {
    const { service, running } = slowService();
    const server = await listen(service, ADDRESS, 50);
    const call = fetch(`${server.origin}/slow`);
    await running;
    await server.stop();
    expect(await (await call).text()).toBe('stopped');
  });
});

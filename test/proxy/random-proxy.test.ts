import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { closeWithConnections, listenLocally } from '../support/local-server.ts';
import { type RandomProxyOptions, startRandomProxy } from '../support/random-proxy.ts';
import { seededRandom } from '../support/seeded-random.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A server of a test's own, by its origin. */
async function upstream(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  closers.push(() => closeWithConnections(server));
  return listenLocally(server);
}

async function refusing(): Promise<string> {
  const origin = await upstream(() => {});
  await closers.pop()?.();
  return origin;
}

async function proxy(options: RandomProxyOptions) {
  const started = await startRandomProxy(options);
  closers.push(() => started.close());
  return started;
}

const named = (name: string) => upstream((_, response) => response.end(name));

describe('the random proxy', () => {
  // Catches: a lost request that was sent all the same, which a client would rightly take for lost.
  it.each([
    ['request', 0],
    ['answer', 1],
  ] as const)('breaks the connection of a client whose %s is lost', async (cut, reached) => {
    let requests = 0;
    const counting = await upstream((_, response) => {
      requests += 1;
      response.end('done');
    });
    const { origin } = await proxy({ upstreams: [counting], harm: () => ({ cut }) });
    await expect(fetch(origin)).rejects.toThrow('fetch failed');
    expect(requests).toBe(reached);
  });

  // Catches: buffering in either direction, which would make every event stream arrive at its end.
  it('passes on each piece of both bodies before the next one is sent', async () => {
    const echo = await upstream((incoming, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      incoming.pipe(response);
    });
    const { origin } = await proxy({ upstreams: [echo] });
    // Unlike fetch, this sends the head before there is a body.
    const outgoing = request(origin, { method: 'POST' });
    closers.push(async () => outgoing.destroy());
    outgoing.flushHeaders();
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    for (const piece of ['one', 'two', 'three']) {
      outgoing.write(piece);
      expect(String((await once(answer, 'data'))[0])).toBe(piece);
    }
    outgoing.end();
    await once(answer, 'end');
    expect(answer.complete).toBe(true);
  });

  it('passes on method, path, status and headers, Host included', async () => {
    const told = await upstream((incoming, response) => {
      response.writeHead(418, { 'Set-Cookie': ['a=1', 'b=2'], 'X-Host': String(incoming.headers.host) });
      response.end(`${incoming.method} ${incoming.url} ${incoming.headers['mcp-session-id']}`);
    });
    const { origin } = await proxy({ upstreams: [told] });
    const response = await fetch(`${origin}/mcp?q=1`, {
      method: 'DELETE',
      headers: { 'Mcp-Session-Id': 'secret' },
    });
    expect(response.status).toBe(418);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(response.headers.get('x-host')).toBe(new URL(origin).host);
    expect(await response.text()).toBe('DELETE /mcp?q=1 secret');
  });

  // Catches: instances that go on writing to clients which left long ago.
  it('tells the upstream that the client is gone', async () => {
    let gone: Promise<unknown> | undefined;
    const stream = await upstream((_, response) => {
      gone = once(response, 'close');
      response.write('begun');
    });
    const { origin } = await proxy({ upstreams: [stream] });
    const leave = new AbortController();
    await fetch(origin, { signal: leave.signal });
    leave.abort();
    await gone;
  });

  // Catches: a killed instance's stream that ends politely, so that its client does not resume.
  it('breaks the client’s connection when the upstream’s breaks', async () => {
    const dying = await upstream((incoming, response) => {
      response.write('begun');
      setImmediate(() => incoming.socket.destroy());
    });
    const { origin } = await proxy({ upstreams: [dying] });
    const response = await fetch(origin);
    await expect(response.text()).rejects.toThrow('terminated');
  });

  it('answers 502 when the upstream breaks off before it answered', async () => {
    const dead = await upstream((incoming) => incoming.socket.destroy());
    const { origin } = await proxy({ upstreams: [dead] });
    expect((await fetch(origin, { method: 'POST', body: 'x' })).status).toBe(502);
  });

  it('cuts every open connection', async () => {
    let gone: Promise<unknown> | undefined;
    const stream = await upstream((_, response) => {
      gone = once(response, 'close');
      response.write('begun');
    });
    const { origin, cut } = await proxy({ upstreams: [stream] });
    const response = await fetch(origin);
    cut();
    await expect(response.text()).rejects.toThrow('terminated');
    await gone;
  });

  it('spreads requests over all upstreams, by the seed', async () => {
    const upstreams = await Promise.all(['a', 'b', 'c'].map(named));
    const run = async (seed: number): Promise<string> => {
      const { origin } = await proxy({ upstreams, random: seededRandom(seed) });
      let served = '';
      for (let n = 0; n < 60; n += 1) served += await (await fetch(origin)).text();
      return served;
    };
    const served = await run(1);
    for (const name of 'abc') expect(served.split(name).length - 1).toBeGreaterThan(8);
    expect(await run(1)).toBe(served);
    expect(await run(2)).not.toBe(served);
  });

  it('goes where a test chooses, and where upstreams were added or removed', async () => {
    const [a, b] = (await Promise.all(['a', 'b'].map(named))) as [string, string];
    const { origin, add, remove, handled } = await proxy({
      upstreams: [a],
      choose: ({ url }) => (url === '/b' ? b : undefined),
    });
    const get = async (path: string) => (await fetch(`${origin}${path}`)).text();
    expect([await get('/'), await get('/b'), await get('/')]).toEqual(['a', 'b', 'a']);
    add(b);
    remove(a);
    expect(await get('/')).toBe('b');
    expect(Object.fromEntries(handled)).toEqual({ [a]: 2, [b]: 2 });
  });

  // Catches: a rolling deploy that fails requests, and a body that is lost or doubled on its way to the next one.
  it('passes over an upstream that refuses, with the body whole, and answers 502 when all do', async () => {
    const [gone, goneToo] = [await refusing(), await refusing()];
    const echo = await upstream((incoming, response) => void incoming.pipe(response));
    const { origin, remove } = await proxy({ upstreams: [gone, goneToo, echo], choose: () => gone });
    const body = 'x'.repeat(1_000_000);
    const echoed = await (await fetch(origin, { method: 'POST', body })).text();
    expect(echoed === body).toBe(true);
    remove(echo);
    expect((await fetch(origin, { method: 'POST', body })).status).toBe(502);
  });
});

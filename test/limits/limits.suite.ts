import { describe, expect, it } from 'vitest';
import { stateServer } from '../../src/adapters/mcp/tools/state-server.ts';
import { DEFAULT_LIMITS, KEY_BYTES, KEY_CHARACTERS, type Limits } from '../../src/domain/limits.ts';
import type { Principal } from '../../src/domain/principal.ts';
import { eventually, HOUR, times } from '../contract/fixtures.ts';
import type { NewCluster } from '../streams/streams.suite.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { initializeMessage, post, toolCall } from '../support/service.ts';
import { statelessCall } from '../support/stateless-request.ts';

const LIMITS: Limits = { ...DEFAULT_LIMITS, valueBytes: 1_000, keysPerSession: 3, sessionsPerPrincipal: 3 };
const BODY_BYTES = 8_000;
const LIFETIME = { idleMs: HOUR, maxLifetimeMs: 24 * HOUR };

const server = stateServer({ name: 'limits', version: '1' });

interface Answer {
  readonly status: number;
  readonly sessionId: string | undefined;
  /** What was said against it; `undefined` where nothing was. */
  readonly refusal: string | undefined;
}

interface Body {
  readonly error?: { readonly message: string };
  readonly result?: { readonly isError?: boolean; readonly content?: readonly { readonly text: string }[] };
}

function callerNamedIn(request: Request): Principal | undefined {
  const subject = request.headers.get('x-subject');
  return subject === null ? undefined : { issuer: 'https://issuer.example', subject };
}

async function send(origin: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(`${origin}/mcp`, init);
  const { error, result } = (await response.json()) as Body;
  const failure = result?.isError === true ? result.content?.[0]?.text : undefined;
  return {
    status: response.status,
    sessionId: response.headers.get('mcp-session-id') ?? undefined,
    refusal: error?.message ?? failure,
  };
}

/** What a caller may have, whatever the store: as much as is said, and not one more. */
export function limitsSuite(newCluster: NewCluster): void {
  let subjects = 0;

  const start = async () => {
    const clock = new FakeClock(Date.now());
    const { a, b } = await newCluster({
      count: 2,
      limits: LIMITS,
      server: (_, caller) => server(caller),
      endpoint: { clock, lifetime: LIFETIME, maxBodyBytes: BODY_BYTES, principal: callerNamedIn },
    });
    subjects += 1;
    return { a, b, clock, subject: { 'x-subject': `subject ${subjects}` } };
  };
  const initialize = (origin: string, headers: Record<string, string> = {}) =>
    send(origin, post(initializeMessage(), headers));
  /** Stores in a session of its own, in which it can be tried again and again. */
  const storing = async () => {
    const { a } = await start();
    const headers = { 'Mcp-Session-Id': (await initialize(a)).sessionId as string };
    return (key: string, value: unknown) =>
      send(a, post(toolCall('store_value', { key, value }), headers)).then(({ refusal }) => refusal);
  };

  describe('the limit of', () => {
    it('a body is said, and one byte more is refused', async () => {
      const { a } = await start();
      const { sessionId } = await initialize(a);
      const padded = (bytes: number): RequestInit => {
        const empty = JSON.stringify(toolCall('get_value', { key: '' }));
        return post(empty.replace('""', `"${'k'.repeat(bytes - empty.length)}"`), {
          'Mcp-Session-Id': sessionId as string,
        });
      };
      // It is read, and its key found to be too long.
      expect((await send(a, padded(BODY_BYTES))).status).toBe(200);
      const beyond = await send(a, padded(BODY_BYTES + 1));
      expect(beyond).toMatchObject({ status: 413, refusal: expect.stringContaining('8000 bytes') });
    });

    it('a value is said, and one byte more is refused', async () => {
      const store = await storing();
      expect(await store('k', 'v'.repeat(998))).toBeUndefined();
      expect(await store('k', 'v'.repeat(999))).toMatch(/^value: is 1001 bytes as JSON, at most 1000/);
    });

    it('a key, in characters and in bytes, is said, and one more is refused', async () => {
      const store = await storing();
      expect(await store('k'.repeat(KEY_CHARACTERS), 1)).toBeUndefined();
      expect(await store('k'.repeat(KEY_CHARACTERS + 1), 1)).toMatch(/^key: is 257 .* at most 256/);
      expect(await store('€'.repeat(KEY_BYTES / 3), 1)).toBeUndefined();
      expect(await store(`${'€'.repeat(KEY_BYTES / 3 - 1)}😀`, 1)).toMatch(
        /^key: is 769 bytes .* at most 768/,
      );
    });

    it('the keys of a session is said, and one more is refused', async () => {
      const store = await storing();
      for (const key of ['1', '2', '3', '3']) expect(await store(key, 1)).toBeUndefined();
      expect(await store('4', 1)).toMatch(/^key: this session holds 3 keys already, the most allowed/);
    });
  });

  describe('the sessions of a principal', () => {
    const FULL = expect.stringMatching(/^sessions: you have 3 sessions already, the most allowed/);

    // Catches: a limit of one era, or of one instance; sessions of others that are counted.
    it('are as many as is said, of both eras and on all instances, and not one more', async () => {
      const { a, b, clock, subject } = await start();
      const open = (origin: string) => {
        const init = statelessCall('open_session', {});
        return send(origin, { ...init, headers: { ...(init.headers as object), ...subject } });
      };
      expect(await initialize(a, subject)).toMatchObject({ status: 200, refusal: undefined });
      expect(await open(b)).toMatchObject({ refusal: undefined });
      const last = await initialize(b, subject);
      expect(last.refusal).toBeUndefined();
      // 429 and not 400, with which a client would try to connect in the manner of 2024-11-05.
      for (const origin of [a, b]) {
        expect(await initialize(origin, subject)).toEqual({
          status: 429,
          sessionId: undefined,
          refusal: FULL,
        });
        expect(await open(origin)).toMatchObject({ status: 200, refusal: FULL });
      }
      expect(await initialize(a, { 'x-subject': `other than ${subject['x-subject']}` })).toMatchObject({
        status: 200,
      });
      const ended = { ...subject, 'Mcp-Session-Id': last.sessionId as string };
      let status: number | undefined;
      const ending = fetch(`${a}/mcp`, { method: 'DELETE', headers: ended }).then(
        (each) => (status = each.status),
      );
      // Where the store has no signals, it waits until all may be taken to know.
      await eventually(() => clock.advance(100).then(() => status !== undefined), 'the session is ended');
      expect(await ending).toBe(200);
      expect(await open(b)).toMatchObject({ refusal: undefined });
      expect(await open(b)).toMatchObject({ refusal: FULL });
    });

    it('that are not known by name are not counted', async () => {
      const { a } = await start();
      const opened = await Promise.all(times(LIMITS.sessionsPerPrincipal + 2, () => initialize(a)));
      expect(opened.map(({ status }) => status)).toEqual(opened.map(() => 200));
    });

    // Catches: a count of what the store has not removed yet.
    it('do not count once they have expired', async () => {
      const { a, clock, subject } = await start();
      for (let count = 0; count < LIMITS.sessionsPerPrincipal; count += 1) await initialize(a, subject);
      await clock.advance(HOUR - 1);
      expect(await initialize(a, subject)).toMatchObject({ refusal: FULL });
      await clock.advance(1);
      expect(await initialize(a, subject)).toMatchObject({ refusal: undefined });
    });

    // Catches: a look before the write and nothing else, which lets through as many as come at one time.
    it('are never more than is said on one instance, however many are opened at one time', async () => {
      const { a, subject } = await start();
      const opened = await Promise.all(times(12, () => initialize(a, subject)));
      expect(opened.filter(({ refusal }) => refusal === undefined)).toHaveLength(LIMITS.sessionsPerPrincipal);
      expect(opened.filter(({ status }) => status === 429)).toHaveLength(12 - LIMITS.sessionsPerPrincipal);
    });

    it('are at most as many times that as there are instances where all open some at one time', async () => {
      const { a, b, subject } = await start();
      const opened = await Promise.all(times(12, (index) => initialize(index % 2 ? a : b, subject)));
      const count = opened.filter(({ refusal }) => refusal === undefined).length;
      expect(count).toBeGreaterThanOrEqual(LIMITS.sessionsPerPrincipal);
      expect(count).toBeLessThanOrEqual(2 * LIMITS.sessionsPerPrincipal);
      expect(await initialize(a, subject)).toMatchObject({ refusal: FULL });
    });
  });
}

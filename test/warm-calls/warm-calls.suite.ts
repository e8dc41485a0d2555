import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpServer } from '../../src/app/http-server.ts';
import type { Store } from '../../src/ports/store.ts';
import { NOW } from '../contract/fixtures.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RawSession } from '../support/raw-session.ts';
import { serve, type TestService, testService } from '../support/service.ts';
import { statelessCall } from '../support/stateless-request.ts';

/** A store, and what it has sent to its engine so far, as that was on the wire. */
export interface TappedStore {
  readonly store: Store;
  readonly sent: string[];
  close(): Promise<void>;
}

/** What each call is to send. */
export interface WarmCalls {
  readonly store: readonly string[];
  readonly get: readonly string[];
}

interface Client {
  call(tool: string, args: Record<string, unknown>): Promise<Record<string, unknown>>;
}

/**
 * The calls that a session's client makes most, from its socket to the engine's. Catches: a look at the session in
 * front of each call; one for each era's way to a session; a transaction around a statement; a use of the session
 * that is written down each time.
 */
export function warmCallsSuite(name: string, open: () => Promise<TappedStore>, expected: WarmCalls): void {
  describe(`a warm call on ${name}`, () => {
    let tapped: TappedStore;
    let service: TestService;
    let http: HttpServer;
    let url: string;

    beforeAll(async () => {
      tapped = await open();
      // That the calls are warm does not depend on how fast they follow each other.
      service = testService({ store: tapped.store, clock: new FakeClock(NOW) });
      http = await serve(service);
      url = `${http.origin}/mcp`;
    });
    afterAll(async () => {
      await http?.stop();
      await service?.service.mcp.close({ finishMs: 0 });
      await tapped?.close();
    });

    const sentBy = async (operation: () => Promise<unknown>): Promise<string[]> => {
      tapped.sent.length = 0;
      await operation();
      return [...tapped.sent];
    };

    const connection = async (): Promise<Client> => {
      const session = await RawSession.open(url);
      return {
        call: async (tool, args) => outputOf(await session.call(url, tool, args)),
      };
    };
    const handle = async (): Promise<Client> => {
      const session_id = await openSession(url);
      return { call: (tool, args) => callStateless(url, tool, { session_id, ...args }) };
    };
    const handleOnConnection = async (): Promise<Client> => {
      const session = await RawSession.open(url);
      const { session_id } = outputOf(await session.call(url, 'open_session'));
      return {
        call: async (tool, args) => outputOf(await session.call(url, tool, { session_id, ...args })),
      };
    };

    it.each([
      ['up to 2025-11-25', connection],
      ['up to 2025-11-25, of a session that it names', handleOnConnection],
      ['2026-07-28', handle],
    ])('is one request to the engine: %s', async (_, connect) => {
      const client = await connect();
      const store = (value: unknown) => client.call('store_value', { key: 'k', value });
      const get = () => client.call('get_value', { key: 'k' });
      expect(await store('first')).toMatchObject({ version: 1 });
      expect(await get()).toMatchObject({ value: 'first' });

      for (const value of ['second', 'third']) {
        expect(await sentBy(() => store(value))).toEqual(expected.store);
        expect(await sentBy(get)).toEqual(expected.get);
      }
      expect(await get()).toMatchObject({ value: 'third', version: 3 });
      const guarded = { key: 'k', value: 'fourth', expected_version: 3 };
      expect(await sentBy(() => client.call('store_value', guarded))).toEqual(expected.store);
      expect(await get()).toMatchObject({ value: 'fourth', version: 4 });
    });
  });
}

async function openSession(url: string): Promise<string> {
  return String((await callStateless(url, 'open_session'))['session_id']);
}

async function callStateless(
  url: string,
  tool: string,
  args: Record<string, unknown> = {},
): Promise<Record<string, unknown>> {
  const response = await fetch(url, statelessCall(tool, args));
  return outputOf((await response.json()) as { readonly result?: unknown });
}

function outputOf({ result }: { readonly result?: unknown }): Record<string, unknown> {
  return (result as { readonly structuredContent: Record<string, unknown> }).structuredContent;
}

import { beforeEach, describe, expect, it } from 'vitest';
import { Connections } from '../../src/adapters/mcp/sessions/connections.ts';
import type { Exchange } from '../../src/adapters/mcp/sessions/exchange.ts';
import { Exchanges } from '../../src/adapters/mcp/sessions/exchanges.ts';
import type { SessionHost } from '../../src/adapters/mcp/sessions/session-host.ts';
import { Activity } from '../../src/domain/activity.ts';
import { newInstanceId } from '../../src/domain/stream-name.ts';
import { HOUR, times } from '../contract/fixtures.ts';
import { gate, type LabInstance, type StreamLab, streamLab } from '../support/stream-lab.ts';

const CALLS = 80;
/** As many of so many become streams at a time. */
const AT_A_TIME = 4;

let lab: StreamLab;
let a: LabInstance;
let exchanges: Exchanges;
let appended: Set<string>;
let log: { readonly passed: Promise<void>; open(): void };

beforeEach(async () => {
  lab = await streamLab();
  a = lab.instance();
  appended = new Set();
  log = gate();
  const { append } = a.store.events;
  a.streams.options.events.append = async (...args) => {
    appended.add(args[1].stream);
    await log.passed;
    return append.apply(a.store.events, args);
  };
  exchanges = new Exchanges({
    streams: a.streams,
    instance: newInstanceId(),
    connections: new Connections(),
    activity: new Activity({
      repository: a.store.sessions,
      clock: lab.clock,
      idleMs: HOUR,
      onError: (error) => a.errors.push(error),
    }),
  });
});

/** What an exchange needs of its host as long as nothing is asked of the client. */
const host = { engage: async () => () => {}, abandon: () => {} } as unknown as SessionHost;

function begin(): Exchange {
  const { session } = lab;
  return exchanges.begin({
    host,
    handle: lab.call,
    session,
    requests: [1],
    isBatch: false,
    requestInfo: undefined,
    leave: () => {},
  });
}

function answer(exchange: Exchange): void {
  exchange.answer({ jsonrpc: '2.0', id: 1, result: {} });
}

describe('calls that take long', () => {
  // Catches: an instance that has too much to do, and then writes to the log for each call on top.
  it('become streams a few at a time, and those that are answered before their turn do not', async () => {
    const calls = times(CALLS, begin);
    await lab.pass(49);
    expect(appended.size).toBe(0);
    await lab.pass(1);
    expect(appended.size).toBe(AT_A_TIME);
    for (const call of calls) answer(call);
    const replies = await Promise.all(calls.map(({ reply }) => reply));
    expect(replies.every(({ kind }) => kind === 'answered')).toBe(true);
    log.open();
    await lab.pass();
    expect(appended.size).toBe(AT_A_TIME);
    await exchanges.idle();
  });

  // Catches: turns that are never passed on.
  it('all become streams if they go on', async () => {
    log.open();
    const calls = times(CALLS, begin);
    await lab.pass(50);
    const replies = await Promise.all(calls.map(({ reply }) => reply));
    expect(replies.every(({ kind }) => kind === 'streamed')).toBe(true);
    expect(appended.size).toBe(CALLS);
    for (const call of calls) answer(call);
    await exchanges.idle();
  });

  // Catches: a message that has to wait for calls that are only slow.
  it('become streams at once where there is something to send', async () => {
    times(CALLS, begin);
    await lab.pass(50);
    const before = appended.size;
    void begin().send({ jsonrpc: '2.0', method: 'notifications/message' });
    await lab.pass();
    expect(appended.size).toBe(before + 1);
    log.open();
  });
});

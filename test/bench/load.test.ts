import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContenderName } from '../../bench/contenders/contender.ts';
import { Environment } from '../../bench/contenders/environment.ts';
import { SessionClient } from '../../bench/load/session-client.ts';
import { CheckedSession } from '../../bench/load/state-session.ts';
import { runWorkload } from '../../bench/run-workload.ts';
import { caller, callsWorkload } from '../../bench/workloads/calls.ts';
import { measureLoad } from '../../bench/workloads/measured-load.ts';

const CONTENDERS: readonly ContenderName[] = ['sdk-json', 'sdk-sse', 'memory'];
const environment = new Environment();

afterAll(() => environment.stop());

describe('the load', () => {
  it('calls the servers, checks what they answer, and counts what it cost them', async () => {
    const calls = { sessions: 2, stores: 0.5, valueBytes: 20 };
    const workload = callsWorkload('few', 'a few calls', CONTENDERS, calls);
    // All at once: the run itself would start one after the other.
    await Promise.all(CONTENDERS.map((name) => environment.contender(name)));
    const turns: string[] = [];
    const result = await runWorkload(workload, environment, { rounds: 2, seconds: 0.05 }, (text) =>
      turns.push(text.replace(/^few: /, '')),
    );
    expect(result.cases.map(({ name }) => name)).toEqual(CONTENDERS);
    for (const { rounds } of result.cases) {
      expect(rounds).toHaveLength(2);
      for (const round of rounds) {
        expect(round['calls']).toBeGreaterThanOrEqual(2);
        expect(round['cpu_us_per_call']).toBeGreaterThan(0);
        expect(round['peak_mib']).toBeGreaterThan(10);
      }
    }
    // Catches: all rounds of one server before the first of the next.
    expect(turns.slice(CONTENDERS.length)).toEqual(
      [1, 2].flatMap((round) => CONTENDERS.map((name) => `round ${round} of 2, ${name}`)),
    );
  });
});

describe('a server that answers wrongly', () => {
  let server: Server;
  let origin: string;
  /** What the server makes of its right answer to the call with this number, from 1. */
  let lie: (answer: Answer, call: number) => unknown;

  beforeAll(async () => {
    server = lyingServer((answer, call) => lie(answer, call));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(() => server.close());

  const results = async (): Promise<void> => {
    const session = new CheckedSession(await SessionClient.open(origin));
    await session.store('key', 20);
    await session.store('key', 20);
    await session.get('key');
    await session.close();
  };

  it('is believed where it answers rightly', async () => {
    lie = (answer) => answer;
    await results();
  });

  // Catches: each check of the load, by an answer that only it can refuse.
  it.each<[string, (answer: Answer, call: number) => unknown]>([
    ['a version that was lost', (answer, call) => (call === 2 ? changed(answer, { version: 1 }) : answer)],
    [
      'the value before',
      (answer, call) => (call === 3 ? changed(answer, { value: '1:'.padEnd(20, 'x') }) : answer),
    ],
    ['another key', (answer, call) => (call === 3 ? changed(answer, { key: 'other' }) : answer)],
    [
      'a value that is not found',
      (answer, call) => (call === 3 ? changed(answer, { found: false }) : answer),
    ],
    ['what was not stored', (answer, call) => (call === 1 ? changed(answer, { stored: false }) : answer)],
    ['another id', (answer) => ({ ...answer, id: answer.id + 1 })],
    ['an error', ({ id }) => ({ jsonrpc: '2.0', id, error: { code: -32603, message: 'no' } })],
  ])('fails the load with %s', async (_, told) => {
    lie = told;
    await expect(results()).rejects.toThrow(/^expected .*, but got /);
  });

  it('fails the run, which names the case', async () => {
    // Catches: a load that goes on, or a run that reports, after an answer was wrong.
    lie = (answer, call) => (call === 20 ? changed(answer, { version: 7 }) : answer);
    const session = new CheckedSession(await SessionClient.open(origin));
    const liar = { origin, instances: [], openSession: async () => session };
    const workers = [caller(session, ['key'], { stores: 1, valueBytes: 20 }, 1)];
    const prepare = async () => ({
      measure: (seconds: number) => measureLoad(liar, workers, seconds),
      close: () => session.close(),
    });
    const workload = {
      name: 'lies',
      title: 'lies',
      cases: [{ name: 'liar', contender: 'memory' as const, prepare }],
    };
    const run = runWorkload(workload, environment, { rounds: 1, seconds: 5 }, () => {});
    await expect(run).rejects.toThrow('lies, liar: expected version 20 of key to be stored');
  });
});

interface Answer {
  readonly id: number;
  readonly result: {
    readonly content: unknown;
    readonly structuredContent: Readonly<Record<string, unknown>>;
  };
}

function changed(answer: Answer, members: Readonly<Record<string, unknown>>): Answer {
  const structuredContent = { ...answer.result.structuredContent, ...members };
  return { ...answer, result: { ...answer.result, structuredContent } };
}

/** Keeps one key for one session, and says what `tell` makes of it. */
function lyingServer(tell: (answer: Answer, call: number) => unknown): Server {
  let stored: unknown;
  let version = 0;
  return createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const send = (body: unknown): void => {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Mcp-Session-Id': 'session' });
      response.end(JSON.stringify(body));
    };
    if (request.method === 'DELETE') return void response.writeHead(200).end();
    const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString());
    if (method === 'initialize') {
      version = 0;
      return send({ jsonrpc: '2.0', id, result: { protocolVersion: params.protocolVersion } });
    }
    if (id === undefined) return void response.writeHead(202).end();
    if (params.name === 'store_value') {
      stored = params.arguments.value;
      version += 1;
    }
    const structuredContent = {
      stored: true,
      found: true,
      key: params.arguments.key,
      value: stored,
      version,
    };
    send(tell({ id, result: { content: [{ type: 'text', text: '' }], structuredContent } }, id));
  });
}

import { beforeEach, describe, expect, it } from 'vitest';
import { StreamConnection } from '../../src/adapters/mcp/sessions/stream-connection.ts';
import { StreamOpener } from '../../src/adapters/mcp/sessions/stream-opener.ts';
import { Liveness } from '../../src/domain/liveness.ts';
import type { StreamHandle } from '../../src/domain/stream-handle.ts';
import {
  eventId,
  newCallStream,
  newInstanceId,
  PAST_THE_END,
  STANDALONE_STREAM,
} from '../../src/domain/stream-name.ts';
import type { EventStream } from '../../src/ports/mcp-endpoint.ts';
import { times } from '../contract/fixtures.ts';
import { type LabInstance, type StreamLab, said, streamLab } from '../support/stream-lab.ts';

let lab: StreamLab;
let a: LabInstance;
let owner: Liveness;
let here: Liveness;
let opener: StreamOpener;
let running: Set<string>;

beforeEach(async () => {
  lab = await streamLab();
  a = lab.instance();
  const liveness = (): Liveness =>
    new Liveness({
      instance: newInstanceId(),
      instances: a.store.instances,
      clock: lab.clock,
      onError: (error) => a.errors.push(error),
    });
  [owner, here] = [liveness(), liveness()];
  running = new Set();
  opener = new StreamOpener({
    streams: a.streams,
    liveness: here,
    isRunning: (stream) => running.has(stream),
  });
});

/** A connection that is read until nothing more comes for now. */
async function resume(stream: StreamHandle, sequence?: number) {
  const connection = await opener.open({
    handle: stream,
    lastEventId: sequence === undefined ? undefined : eventId({ ...stream, sequence }),
    primes: false,
    onOver: () => {},
  });
  return connection instanceof StreamConnection ? read(connection) : connection;
}

function read(connection: EventStream) {
  const found = { connection, heard: [] as unknown[], isOver: false };
  void (async () => {
    for (let events = await connection.next(); events !== undefined; events = await connection.next()) {
      for (const { data } of events) if (data) found.heard.push(JSON.parse(data));
    }
    found.isOver = true;
  })();
  return found;
}

async function begin(runner: Liveness): Promise<StreamHandle> {
  await runner.hold();
  const stream = lab.stream(newCallStream(runner.instance));
  await a.streams.append(stream, [{ kind: 'begin', requests: [7] }]);
  await a.streams.append(stream, [said('first', { requests: [7] })]);
  return stream;
}

const DEAD = { id: 7, error: { message: 'the instance running this call stopped; call again' } };

describe('a stream that is resumed', () => {
  it('goes on after the event that the client has', async () => {
    const stream = await begin(owner);
    const resumed = await resume(stream, 1);
    await a.streams.append(stream, [said('second')], true);
    await lab.pass();
    expect(resumed).toMatchObject({ heard: ['first', 'second'], isOver: true });
  });

  it.each([1, 2])('is given whole after it ended, from event %i on', async (sequence) => {
    const stream = await begin(owner);
    await a.streams.append(stream, [said('end')], true);
    const resumed = await resume(stream, sequence);
    await lab.pass();
    expect(resumed).toMatchObject({ heard: ['first', 'end'].slice(sequence - 1), isOver: true });
  });

  // The mark of the earlier resumption is taken for that of a later one.
  it('is given whole after it ended, also if it was resumed before', async () => {
    const stream = await begin(owner);
    await resume(stream, 1);
    await a.streams.append(stream, [said('end')], true);
    const again = await resume(stream, 1);
    await lab.pass();
    expect(again).toMatchObject({ heard: ['first', 'end'], isOver: true });
  });

  // The end is not looked at, since the client has it, and so the connection waits for what cannot come.
  it('after its end is not held open', async () => {
    const stream = await begin(owner);
    const result = said('end', { message: '{"jsonrpc":"2.0","id":7,"result":{}}' });
    await a.streams.append(stream, [result], true);
    const resumed = await resume(stream, 3);
    await lab.pass(60_000);
    expect(resumed).toMatchObject({ heard: [], isOver: true });
  });

  // The official client takes only a result for an answer, and comes back after anything else.
  it('after an end without a result is finished', async () => {
    const stream = await begin(owner);
    await a.streams.append(stream, [said('end')], true);
    expect(await resume(stream, 3)).toBe('finished');
    expect(await resume(stream, PAST_THE_END)).toBe('finished');
  });

  // Catches: a long stream that is written event by event, or one that is in memory as a whole at once.
  it.each([
    ['small events, many', 10, { batches: 3, together: 40 }],
    ['large events, a few', 40_000, { batches: 40, together: 2 }],
  ])('is given %s at once', async (_, size, most) => {
    const stream = await begin(owner);
    const texts = times(40, (n) => `${n} ${'.'.repeat(size)}`);
    await a.streams.append(
      stream,
      texts.map((text) => said(text)),
      true,
    );
    const connection = await opener.open({
      handle: stream,
      lastEventId: eventId({ ...stream, sequence: 2 }),
      primes: false,
      onOver: () => {},
    });
    const given: number[] = [];
    const heard: unknown[] = [];
    if (!(connection instanceof StreamConnection)) throw new Error('not resumed');
    for (let events = await connection.next(); events !== undefined; events = await connection.next()) {
      given.push(events.length);
      for (const { data } of events) heard.push(JSON.parse(data ?? ''));
    }
    expect(heard).toEqual(texts);
    expect(given).not.toContain(0);
    expect(given.length).toBeLessThanOrEqual(most.batches);
    expect(Math.max(...given)).toBeLessThanOrEqual(most.together);
  });

  it.each([
    ['an event that there is not', (stream: StreamHandle) => resume(stream, 99)],
    ['a stream that there is not', () => resume(lab.stream(newCallStream(newInstanceId())), 0)],
    ['a stream that nothing was said on', () => resume(lab.stream(STANDALONE_STREAM), 0)],
  ])('is refused for %s', async (_, attempt) => {
    expect(await attempt(await begin(owner))).toBeUndefined();
  });
});

describe('a call whose instance', () => {
  it('lives is waited for', async () => {
    const resumed = await resume(await begin(owner), 2);
    await lab.pass(600_000);
    expect(resumed).toMatchObject({ heard: [], isOver: false });
  });

  it('is not known ends at once with an error for each request', async () => {
    const stream = await begin(owner);
    await owner.close();
    const resumed = await resume(stream, 2);
    await lab.pass();
    expect(resumed).toMatchObject({ heard: [DEAD], isOver: true });
  });

  it('is this one, and which does not run, ends at once', async () => {
    const resumed = await resume(await begin(here), 2);
    await lab.pass();
    expect(resumed).toMatchObject({ heard: [DEAD], isOver: true });
  });

  it('is this one, and which runs, is waited for', async () => {
    const stream = await begin(here);
    running.add(stream.stream);
    const resumed = await resume(stream, 2);
    await lab.pass(600_000);
    expect(resumed).toMatchObject({ heard: [], isOver: false });
  });

  // Catches: an error for each instance that gave the owner up.
  it('is given up by several at once has one outcome', async () => {
    const stream = await begin(owner);
    await owner.close();
    const resumed = await Promise.all([1, 2, 1, 2].map((sequence) => resume(stream, sequence)));
    await lab.pass(60_000);
    const after = await a.streams.lastSequence(stream);
    await expect(a.streams.append(stream, [said('late')])).rejects.toThrow('ended');
    expect(await a.streams.lastSequence(stream)).toBe(after);
    const errors = resumed.flatMap((each) =>
      typeof each === 'object' ? each.heard.filter((heard) => heard !== 'first') : [],
    );
    expect(errors).toMatchObject([DEAD]);
  });
});

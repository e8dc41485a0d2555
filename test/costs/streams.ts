import { randomUUID } from 'node:crypto';
import type { Step } from '../streams/fixture/script-server.ts';
import type { Charge } from '../support/capacity-meter.ts';
import { toolCall } from '../support/service.ts';
import { SessionClient, streamOf } from './clients.ts';
import { type CostRow, type Measure, rowOf } from './cost-row.ts';
import type { CostLab } from './lab.ts';

/** Longer than a call takes that is answered in plain JSON. */
const SLOW_MS = 51;

/** What is written to streams and read from them, of messages whose content is of the sizes. */
export async function streamCosts(lab: CostLab): Promise<CostRow[]> {
  const open = await onListeningInstance(lab);
  return [
    ...(await callCosts(lab, open)),
    await rowOf('GET of the session’s stream', opening(lab, open)),
    await rowOf('the same, as the first one on its instance', async () => {
      const client = await SessionClient.open(lab.streams().request);
      return lab.charges(() => client.listen());
    }),
    await rowOf('a message on that stream', async (text) => {
      const client = await open();
      const listening = await client.listen();
      await run(client, { announce: text });
      const charges = await lab.charges(() => run(client, { announce: text }));
      await listening.untilSaid(2);
      return charges;
    }),
    await rowOf('`notify`, with nobody listening', () => {
      const { mcp } = lab.streams();
      return changed(lab, () => mcp.notify.toolsChanged());
    }),
    await rowOf('`notify`, told on one open stream', async () => {
      const { mcp, request } = lab.streams();
      const listening = await (await SessionClient.open(request)).listen();
      const charges = await changed(lab, () => mcp.notify.toolsChanged());
      await listening.message(({ method }) => method === 'notifications/tools/list_changed', 'the second');
      return charges;
    }),
    await rowOf(
      'GET of the session’s stream, once anything has changed',
      opening(lab, await onListeningInstance(lab)),
    ),
  ];
}

type Open = () => Promise<SessionClient>;

/** Opens sessions on an instance on which somebody listens all the time. */
async function onListeningInstance(lab: CostLab): Promise<Open> {
  const { request } = lab.streams();
  await (await SessionClient.open(request)).listen();
  return () => SessionClient.open(request);
}

function opening(lab: CostLab, open: Open): Measure {
  return async () => {
    const client = await open();
    return lab.charges(() => client.listen());
  };
}

async function callCosts(lab: CostLab, open: Open): Promise<CostRow[]> {
  return [
    await rowOf('a call that takes longer than 50 ms', async () => {
      const client = await open();
      const gate = randomUUID();
      return lab.charges(async () => {
        const answer = run(client, { gate });
        await lab.gates.reached(gate);
        await lab.meter.quiet();
        await lab.clock.advance(SLOW_MS);
        await lab.meter.quiet();
        lab.gates.open(gate);
        await answer;
      });
    }),
    await rowOf('a call that sends a message before its answer', async (text) => {
      const client = await open();
      return lab.charges(() => run(client, { say: text }));
    }),
    await rowOf('each further message of it', async (text) => {
      const client = await open();
      const [gate, next] = [randomUUID(), randomUUID()];
      const answer = run(client, { say: text }, { gate }, { say: text }, { gate: next });
      await lab.gates.reached(gate);
      const charges = await lab.charges(async () => {
        lab.gates.open(gate);
        await lab.gates.reached(next);
      });
      lab.gates.open(next);
      await answer;
      return charges;
    }),
    await rowOf('what it sent, fetched again with `Last-Event-ID`', async (text) => {
      const client = await open();
      const stream = streamOf(await client.post(toolCall('run', { steps: [{ say: text }] })));
      await stream.end();
      return lab.charges(async () => {
        const resumed = await client.listen(stream.firstEventId);
        await resumed.end();
        if (resumed.said.length !== 1) throw new Error('the message did not come again');
      });
    }),
  ];
}

function run(client: SessionClient, ...steps: Step[]): Promise<unknown> {
  return client.request('tools/call', { name: 'run', arguments: { steps } });
}

/** A change that is not the instance's first: that one opens the log. */
async function changed(lab: CostLab, change: () => Promise<void>): Promise<readonly Charge[]> {
  await change();
  return lab.charges(change);
}

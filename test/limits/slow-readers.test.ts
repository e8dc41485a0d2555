import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { McpServer } from '@modelcontextprotocol/server';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { eventually, times } from '../contract/fixtures.ts';
import { type NewCluster, overClusters } from '../streams/streams.suite.ts';
import { library } from '../support/library.ts';
import { postgresHarness } from '../support/postgres.ts';
import { MCP_HEADERS, toolCall } from '../support/service.ts';
import { statelessCall } from '../support/stateless-request.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const MIB = 1024 * 1024;
const MESSAGES = 200;
/** Of one message. Together they are 12.5 MiB. */
const BYTES = 64 * 1024;

interface Emitted {
  count: number;
  isAborted: boolean;
}

/** Says a great deal, on the stream of its call. */
function emitter(emitted: Emitted): McpServer {
  const server = new McpServer({ name: 'emitter', version: '1' }, { capabilities: { logging: {} } });
  server.registerTool(
    'emit',
    { inputSchema: z.object({ count: z.int() }) },
    async ({ count }, { mcpReq }) => {
      mcpReq.signal.addEventListener('abort', () => {
        emitted.isAborted = true;
      });
      for (let number = 0; number < count && !mcpReq.signal.aborted; number += 1) {
        const params = { level: 'info', data: { number, text: 'x'.repeat(BYTES) } };
        await mcpReq.notify({ method: 'notifications/message', params });
        emitted.count += 1;
        // For what is sent to go on its way.
        await new Promise((resolve) => setImmediate(resolve));
      }
      return { content: [{ type: 'text', text: 'done' }] };
    },
  );
  return server;
}

async function held(): Promise<number> {
  collectGarbage();
  // Buffers are let go after what held them.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Sends a call and reads the beginning of what comes back, and then nothing more. */
async function callAndStall(
  origin: string,
  sessionId: string,
): Promise<{ response: IncomingMessage; text: string }> {
  const sent = httpRequest(`${origin}/mcp`, {
    method: 'POST',
    headers: { ...MCP_HEADERS, 'Mcp-Session-Id': sessionId },
  });
  sent.end(JSON.stringify(toolCall('emit', { count: MESSAGES }, 1)));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  const [first] = (await once(response, 'data')) as [Buffer];
  response.pause();
  return { response, text: String(first) };
}

function slowReadersSuite(newCluster: NewCluster): void {
  // Catches: a stream that is written as fast as it comes, and waits in the memory of the server to be read.
  it('a client that stops reading is held little for, and is given all of it when it comes back', async () => {
    const emitted: Emitted = { count: 0, isAborted: false };
    const { a, b, ...cluster } = await newCluster({ count: 2, server: () => emitter(emitted) });
    const client = await cluster.open();
    await client.call('emit', { count: 0 }, { at: a });
    const before = await held();
    const { response, text } = await callAndStall(a, client.sessionId);
    await eventually(() => emitted.count === MESSAGES, 'all is said', 25_000);
    expect((await held()) - before).toBeLessThan(6 * MIB);
    expect(emitted.isAborted).toBe(false);
    response.destroy();
    // Of the event that came in part it has nothing.
    const complete = text.slice(0, text.lastIndexOf('\n\n') + 2);
    const ids = [...complete.matchAll(/^id: (.*)$/gm)].map(([, id]) => id);
    const numbers = [...complete.matchAll(/"number":(\d+)/g)].map(([, number]) => Number(number));
    const resumed = await client.listen({ at: b, lastEventId: ids.at(-1) as string });
    await resumed.answer(1);
    const said = resumed.said as { readonly number: number }[];
    expect([...numbers, ...said.map(({ number }) => number)]).toEqual(times(MESSAGES, (number) => number));
  });
}

overClusters('postgres', postgresHarness(), slowReadersSuite);

describe('a call of 2026-07-28', () => {
  // Catches: the same, where the SDK does not ask whether anybody reads.
  it('whose client leaves 16 MiB unread is broken off', async () => {
    const count = 300;
    const emitted: Emitted = { count: 0, isAborted: false };
    const { mcp, request } = library({ server: () => emitter(emitted) });
    const init = statelessCall('emit', { count });
    const [line, level] = [`"_meta":{`, `"_meta":{"io.modelcontextprotocol/logLevel":"debug",`];
    const { body } = await request({ ...init, body: String(init.body).replace(line, level) });
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    await eventually(() => emitted.isAborted, 'it is aborted');
    expect(emitted.count).toBeLessThan(count);
    expect(emitted.count * BYTES).toBeGreaterThan(15 * MIB);
    await expect(reader.read()).rejects.toThrow('broken off');
    await mcp.close();
  });
});

import { expect, it } from 'vitest';
import { withUnreadLimit } from '../../src/adapters/mcp/stateless/unread-limit.ts';

// Catches: a rejection that nobody handles, which ends the process with all of its sessions.
it('a source that fails ends the stream with its error, and nothing else', async () => {
  let over = 0;
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  const source = new ReadableStream<Uint8Array>({
    start: (controller) => controller.error(new Error('the source failed')),
  });
  const stream = withUnreadLimit(source, { bytes: 10, onOver: () => (over += 1) });
  await expect(stream.getReader().read()).rejects.toThrow('the source failed');
  await new Promise((resolve) => setTimeout(resolve, 0));
  process.off('unhandledRejection', note);
  expect({ over, unhandled }).toEqual({ over: 1, unhandled: [] });
});

// Catches: a client that hung up reported as a fault, since nothing can be added for it any more.
it('a reader that leaves ends the stream, and nothing is broken off', async () => {
  const reasons: unknown[] = [];
  let send: (text: string) => void = () => {};
  const source = new ReadableStream<Uint8Array>({
    start: (controller) => {
      send = (text) => controller.enqueue(new TextEncoder().encode(text));
    },
  });
  const over = new Promise<void>((resolve) => {
    const breakOff = (reason: unknown): void => void reasons.push(reason);
    const reader = withUnreadLimit(source, { bytes: 10, onOver: resolve, breakOff }).getReader();
    // One that is on its way meanwhile.
    send('1');
    void reader.cancel();
  });
  await over;
  expect(reasons).toEqual([]);
});

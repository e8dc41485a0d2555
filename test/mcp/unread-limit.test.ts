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

import { describe, expect, it } from 'vitest';
import { type ServerSentEvent, ServerSentEvents } from '../../bench/load/server-sent-events.ts';

const STREAM =
  'id: 1\nretry: 500\ndata: \n\n: keep-alive\n\nid: 2\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata:x\n\n';
const EVENTS = [
  { id: '1', data: '' },
  { id: '2', data: '{"a":1}' },
  { id: undefined, data: 'x' },
];

describe('ServerSentEvents', () => {
  // Catches: an event that is lost, or given twice, where a piece ends in the middle of it or between two line ends.
  it('gives the same events wherever the stream is torn apart', () => {
    for (let at = 0; at <= STREAM.length; at += 1) {
      const events = new ServerSentEvents();
      const found = [...events.push(STREAM.slice(0, at)), ...events.push(STREAM.slice(at))];
      expect(found, `torn at ${at}`).toEqual(EVENTS);
    }
    const events = new ServerSentEvents();
    const found: ServerSentEvent[] = [...STREAM].flatMap((each) => [...events.push(each)]);
    expect(found).toEqual(EVENTS);
  });

  // Catches: an event of which only a part has come yet.
  it('gives no event before its end', () => {
    const events = new ServerSentEvents();
    expect(events.push('id: 1\ndata: {}\n')).toEqual([]);
    expect(events.push('\n')).toEqual([{ id: '1', data: '{}' }]);
  });
});

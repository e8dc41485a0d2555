import { describe, expect, it } from 'vitest';
import { messagesIn, resultIn, WrongAnswer } from '../../bench/load/answer.ts';
import type { Reply } from '../../bench/load/connection.ts';
import { structuredContentOf } from '../../bench/load/tool-client.ts';

function reply(text: string, type = 'application/json', status = 200): Reply {
  return { status, headers: { 'content-type': type }, text };
}

const stream = (text: string): Reply => reply(text, 'text/event-stream');

describe('resultIn', () => {
  it('reads answers in JSON and in server-sent events', () => {
    expect(resultIn(reply('{"jsonrpc":"2.0","id":3,"result":{"a":1}}'), 3)).toEqual({ a: 1 });
    const events =
      'id: 1\ndata: \n\n' + // A priming event has no data.
      'event: message\ndata: {"method":"notifications/message"}\n\n' +
      'event: message\nid: 2\ndata: {"id":3,\ndata: "result":{"a":1}}\n\n';
    expect(resultIn(stream(events), 3)).toEqual({ a: 1 });
    expect(resultIn(stream(events.replaceAll('\n', '\r\n')), 3)).toEqual({ a: 1 });
  });

  // Catches: an answer that counts as a call although it is none, each in its own way.
  it.each([
    ['another request’s', reply('{"id":4,"result":{}}')],
    ['another request’s, in a stream', stream('data: {"id":4,"result":{}}\n\n')],
    ['an error', reply('{"id":3,"error":{"code":-32603,"message":"no"}}')],
    ['a result and an error', reply('{"id":3,"result":{},"error":{"code":1,"message":"no"}}')],
    ['neither a result nor an error', reply('{"id":3}')],
    ['not JSON', reply('{"id":3,"resu')],
    ['empty', stream('')],
    ['of another status', reply('{"id":3,"result":{}}', 'application/json', 503)],
  ])('refuses one that is %s', (_, wrong) => {
    expect(() => resultIn(wrong, 3)).toThrow(WrongAnswer);
  });
});

describe('messagesIn', () => {
  it('keeps the order', () => {
    expect(messagesIn('data:{"id":1}\n\ndata: {"id":2}\n\n').map(({ id }) => id)).toEqual([1, 2]);
  });
});

describe('structuredContentOf', () => {
  it('refuses the result of a tool that failed', () => {
    // Catches: failed calls that count as fast ones; a tool's failure is a result like any other to JSON-RPC.
    const failed = { isError: true, content: [{ type: 'text', text: 'no' }], structuredContent: {} };
    expect(() => structuredContentOf(failed)).toThrow(WrongAnswer);
    expect(() => structuredContentOf({ content: [{ type: 'text', text: '{}' }] })).toThrow(WrongAnswer);
  });
});

import { describe, expect, it } from 'vitest';
import { StatementsOnTheWire } from '../../bench/load/statements-on-the-wire.ts';

function message(type: string, body: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + body.length);
  return Buffer.concat([Buffer.from(type), length, Buffer.from(body)]);
}

/** Startup, a password, a simple query, and a prepared one; texts that look like messages are none. */
const SENT = Buffer.concat([
  message('', 'Q\0\0\0\x04user'),
  message('p', 'E\0\0\0\x04'),
  message('Q', 'select 1; Q\0'),
  message('P', 'name\0select 1\0'),
  message('B', 'E\0\0\0\x04'),
  message('E', '\0\0\0\0\0'),
  message('S', ''),
  message('E', '\0\0\0\0\0'),
  message('X', ''),
]);

describe('StatementsOnTheWire', () => {
  // Catches: a count that depends on how the bytes came, or that takes a letter in a text for a message.
  it('counts simple queries and executions, wherever what was sent is torn apart', () => {
    for (let at = 0; at <= SENT.length; at += 1) {
      const statements = new StatementsOnTheWire();
      statements.push(SENT.subarray(0, at));
      statements.push(SENT.subarray(at));
      expect(statements.count, `torn at ${at}`).toBe(3);
    }
    const statements = new StatementsOnTheWire();
    for (const byte of SENT) statements.push(Buffer.of(byte));
    expect(statements.count).toBe(3);
  });
});

import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/app/logger.ts';
import { newSessionId } from '../../src/domain/session.ts';

describe('the log', () => {
  // Catches: the letter of an escape that is taken for the beginning of an id, which leaves a line that is no JSON.
  it('leaves out what may be a session id, and each line is JSON all the same', () => {
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line) => void lines.push(line) });
    const id = newSessionId();
    const around = ['', ' ', '\n', '\t', '\u0001', '\\', '\\n', '"', 'é'];
    logger.info({ err: new Error(around.map((each) => `${each}${id}`).join('')) }, `\n${id}\n${id}`);
    const text = lines.join('');
    expect(text).not.toContain(id);
    const { err, msg } = JSON.parse(text) as {
      readonly err: { readonly message: string };
      readonly msg: string;
    };
    expect(msg).toBe('\n<hidden>\n<hidden>');
    expect(err.message).toMatch(/^<hidden> <hidden>\n<hidden>\t<hidden>/);
  });
});

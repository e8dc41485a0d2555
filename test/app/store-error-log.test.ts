import { expect, it } from 'vitest';
import { createLogger } from '../../src/app/logger.ts';
import { StoreErrorLog } from '../../src/app/store-error-log.ts';
import { HOUR, NOW, times } from '../contract/fixtures.ts';
import { FakeClock } from '../support/fake-clock.ts';

// Catches: a log that says nothing of an outage until a clock that was set back has caught up.
it('store errors are told once in 5 s, and at once after the clock was set back', async () => {
  const lines: string[] = [];
  const clock = new FakeClock(NOW);
  const log = new StoreErrorLog(createLogger('info', { write: (line) => void lines.push(line) }), clock);
  const told = (): number => {
    times(3, () => log.report(new Error('gone')));
    return lines.length;
  };
  expect(told()).toBe(1);
  await clock.advance(4_999);
  expect(told()).toBe(1);
  await clock.advance(1);
  expect(told()).toBe(2);
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ suppressed: 5 });
  await clock.advance(-HOUR);
  expect(told()).toBe(3);
});

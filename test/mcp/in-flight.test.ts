import { describe, expect, it } from 'vitest';
import { InFlight, type InFlightItem } from '../../src/adapters/mcp/in-flight.ts';
import { times } from '../contract/fixtures.ts';
import { seededRandom } from '../support/seeded-random.ts';

const item = (): InFlightItem => ({ place: 0 });

describe('what is in flight', () => {
  // Catches: an item that is lost, or stays, where another one takes its place.
  it('is what was added and not deleted, in whatever order that came', () => {
    const random = seededRandom(11);
    const inFlight = new InFlight<InFlightItem>();
    const expected = new Set<InFlightItem>();
    const items = times(20, item);
    for (const _ of times(2_000, () => 0)) {
      const chosen = items[Math.floor(random() * items.length)] as InFlightItem;
      if (expected.delete(chosen)) inFlight.delete(chosen);
      else {
        // Deleting what is not there changes nothing.
        inFlight.delete(chosen);
        expected.add(chosen);
        inFlight.add(chosen);
      }
      expect(inFlight.all().every((each) => expected.has(each))).toBe(true);
      expect(inFlight.all()).toHaveLength(expected.size);
    }
  });

  // Catches: a stop that waits for ever, or not at all.
  it('is waited for until none is left', async () => {
    const inFlight = new InFlight<InFlightItem>();
    await inFlight.idle();
    const [one, other] = [item(), item()];
    inFlight.add(one);
    inFlight.add(other);
    let isIdle = false;
    const idle = inFlight.idle().then(() => {
      isIdle = true;
    });
    inFlight.delete(one);
    await Promise.resolve();
    expect(isIdle).toBe(false);
    inFlight.delete(other);
    await idle;
  });
});

import type { Gap } from './stream-events.ts';

/** A message that was acknowledged and never came. */
export interface MissingMessage {
  readonly text: string;
  /** It must have been behind this event of its stream, and before the other: neither is its own. */
  readonly after: number;
  readonly before: number;
}

/**
 * The messages that no announced gap explains: each event of a gap excuses one message that may have been there, and no
 * other.
 *
 * @param gaps in order, and none over another
 */
export function unexcused(
  missing: readonly MissingMessage[],
  gaps: readonly Gap[],
): readonly MissingMessage[] {
  const left = new Set(missing);
  for (const { from, to } of gaps) {
    for (let place = from; place <= to && left.size > 0; place += 1) {
      // Of those that may have been there, the one with the fewest places left: so as many as can be are excused.
      const [first] = [...left]
        .filter(({ after, before }) => after < place && place < before)
        .sort((a, b) => a.before - b.before);
      if (first !== undefined) left.delete(first);
    }
  }
  return [...left];
}

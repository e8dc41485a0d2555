import { median } from './flatness.ts';

/** What stayed of each session that came and went. */
export interface Kept {
  readonly perSession: number;
  /** How far it may be from the truth: what was sampled wavers, and the fewer sessions there were the more it counts. */
  readonly uncertainty: number;
  readonly verdict: 'flat' | 'GROWS' | 'unclear';
}

/** In standard errors; wide, because one sample resembles the next. */
const CERTAIN = 4;

/**
 * Whether sessions that came and went left something behind. The first quarter of a run is its warm-up and not judged.
 * The samples of the rest are set against the sessions that were opened until then, and the slope is the median of
 * those between any two samples. What leaks grows in both halves of it, too; what is compiled or enlarged once hardly
 * moves the median, and is in one half only.
 *
 * @param samples of what is held, taken when so many `sessions` had been opened
 * @param allowed for each session: what is not surely more, nor surely less, is unclear
 */
export function judgeKept(samples: readonly number[], sessions: readonly number[], allowed: number): Kept {
  const slope = (from: number, to: number): Slope =>
    slopeOf(samples.slice(from, to), sessions.slice(from, to));
  const { length } = samples;
  const [begin, middle] = [Math.round(length / 4), Math.round((length * 5) / 8)];
  const whole = slope(begin, length);
  const halves = [slope(begin, middle), slope(middle, length)];
  const isFlat = [whole, ...halves].some(
    ({ perSession, uncertainty }) => perSession + uncertainty <= allowed,
  );
  const grows =
    whole.perSession - whole.uncertainty > allowed && halves.every(({ perSession }) => perSession > allowed);
  return { ...whole, verdict: isFlat ? 'flat' : grows ? 'GROWS' : 'unclear' };
}

type Slope = Omit<Kept, 'verdict'>;

/** Theil's slope of `ys` over `xs`: odd samples, up to a quarter of them, do not move it far. */
function slopeOf(ys: readonly number[], xs: readonly number[]): Slope {
  const points = ys.map((y, index) => ({ x: xs[index] ?? Number.NaN, y }));
  const slopes = points.flatMap((one, index) =>
    points
      .slice(index + 1)
      .flatMap((other) => (other.x > one.x ? [(other.y - one.y) / (other.x - one.x)] : [])),
  );
  // Nothing was opened, and nothing can be said.
  if (slopes.length === 0) return { perSession: 0, uncertainty: Number.POSITIVE_INFINITY };
  const slope = median(slopes);
  const rests = points.map(({ x, y }) => y - slope * x);
  const level = median(rests);
  // 1.48: what makes the median distance from the median a standard deviation, where it is of the usual shape.
  const noise = 1.48 * median(rests.map((rest) => Math.abs(rest - level)));
  const mean = xs.reduce((sum, x) => sum + x, 0) / xs.length;
  const spread = Math.sqrt(xs.reduce((sum, x) => sum + (x - mean) ** 2, 0));
  return { perSession: slope, uncertainty: (CERTAIN * noise) / spread };
}

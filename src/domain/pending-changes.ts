import { type ChangeStep, changeKey } from './change.ts';

/** Different changes that wait for one reader at most: with more, it is told that it missed some. */
export const MOST_PENDING = 1_000;

type MissedChanges = Extract<ChangeStep, { kind: 'missed' }>;

/** What a reader of changes has yet to be told. Of changes that say the same the last one stands for all. */
export class PendingChanges {
  readonly #changes = new Map<string, Extract<ChangeStep, { kind: 'change' }>>();
  #missed: MissedChanges | undefined;

  get isEmpty(): boolean {
    return this.#missed === undefined && this.#changes.size === 0;
  }

  add(step: ChangeStep): void {
    if (step.kind === 'missed') {
      this.#miss(step);
      return;
    }
    const key = changeKey(step.change);
    // To the end, so that sequences rise.
    this.#changes.delete(key);
    this.#changes.set(key, step);
    if (this.#changes.size > MOST_PENDING) this.#miss({ kind: 'missed', sequence: step.sequence });
  }

  /** Adds what comes before all that is pending. */
  prepend(steps: readonly ChangeStep[]): void {
    for (const step of [...steps, ...this.take()]) this.add(step);
  }

  /** All that is pending, in order; nothing is, from then on. */
  take(): ChangeStep[] {
    const missed = this.#missed === undefined ? [] : [this.#missed];
    const steps = [...missed, ...this.#changes.values()];
    this.#missed = undefined;
    this.#changes.clear();
    return steps;
  }

  /** Whatever changed before may have. */
  #miss(missed: MissedChanges): void {
    this.#missed = missed;
    this.#changes.clear();
  }
}

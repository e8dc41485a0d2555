import { type Finding, type RegisterOperation, versionedWrites } from './register.ts';

/** Steps after which a history counts as too tangled to judge: real ones take about as many as they have operations. */
const MOST_STEPS = 500_000;

/** How much of the order is shown that leads to where it cannot go on. */
const SHOWN_BEFORE = 3;

interface Register {
  /** Of the last write, also where its value was deleted since. */
  readonly version: number;
  readonly isEmpty: boolean;
}

/** The search gave up: neither "linearizable" nor "not" was shown. */
export class Undecided extends Error {
  override readonly name = 'Undecided';
}

/**
 * Whether one order of a key's operations explains all that its clients saw: an order that keeps to real time (what
 * ended before another began comes first), in which each operation does what a register does.
 *
 * The search is Wing and Gong's, with Lowe's memory of states met before. It is short here because each acknowledged
 * write has one place in the order, its version; only deletions and unknown outcomes leave a choice.
 *
 * @throws Undecided
 */
export function checkLinearizable(
  history: readonly RegisterOperation[],
  mostSteps = MOST_STEPS,
): readonly Finding[] {
  const { findings, operations } = versionedWrites(history);
  if (findings.length > 0) return findings;
  return new Search(operations, mostSteps).run();
}

class Search {
  /** By the time of their invocation. */
  readonly #certain: readonly RegisterOperation[];
  readonly #unknown: readonly RegisterOperation[];
  /** Versions of which it is known who wrote them. */
  readonly #written: ReadonlySet<number>;
  readonly #done = new Set<RegisterOperation>();
  readonly #unknownDone: RegisterOperation[] = [];
  readonly #met = new Set<string>();
  readonly #mostSteps: number;
  #steps = 0;
  #certainDone = 0;
  #furthest = -1;
  #stuck: Finding = { what: 'no order explains what was seen', operations: [] };

  constructor(operations: readonly RegisterOperation[], mostSteps: number) {
    this.#mostSteps = mostSteps;
    const sorted = [...operations].sort((a, b) => a.invokedAt - b.invokedAt);
    this.#certain = sorted.filter(isCertain);
    this.#unknown = sorted.filter((each) => !isCertain(each));
    this.#written = new Set(sorted.flatMap((each) => (each.kind === 'write' ? (each.version ?? []) : [])));
  }

  run(): readonly Finding[] {
    return this.#explains({ version: 0, isEmpty: true }, 0) ? [] : [this.#stuck];
  }

  /** @param first of the certain operations, where the first one is that is not done */
  #explains(register: Register, first: number): boolean {
    this.#steps += 1;
    if (this.#steps > this.#mostSteps) throw new Undecided(`no verdict after ${this.#mostSteps} steps`);
    const observed = this.#takeObservations(register, first);
    const next = this.#firstOpen(first);
    if (next === this.#certain.length || (!this.#isMet(register, next) && this.#continues(register, next)))
      return true;
    for (const each of observed) this.#undo(each);
    return false;
  }

  #continues(register: Register, first: number): boolean {
    const open = this.#openFrom(first);
    this.#noteStuck(register, open);
    for (const operation of [...open, ...this.#unknownBefore(earliestEnd(open))]) {
      const after = this.#apply(operation, register);
      if (after === undefined) continue;
      this.#do(operation);
      if (this.#explains(after, first)) return true;
      this.#undo(operation);
    }
    return false;
  }

  /** What changes nothing, and is explained as things stand, need not be tried later: it can only be in the way. */
  #takeObservations(register: Register, first: number): readonly RegisterOperation[] {
    const taken: RegisterOperation[] = [];
    for (;;) {
      const next = this.#openFrom(this.#firstOpen(first)).find(
        (each) => isObservation(each) && this.#apply(each, register) !== undefined,
      );
      if (next === undefined) return taken;
      this.#do(next);
      taken.push(next);
    }
  }

  /** @returns the register after the operation; `undefined` if it cannot be the next one */
  #apply(operation: RegisterOperation, register: Register): Register | undefined {
    const { version, isEmpty } = register;
    switch (operation.kind) {
      case 'read':
        return operation.version === (isEmpty ? 0 : version) ? register : undefined;
      case 'delete':
        // One that deletes nothing, and whose outcome nobody knows, explains nothing.
        if (isEmpty !== (operation.deleted === false)) return undefined;
        return { version, isEmpty: true };
      case 'write': {
        if (operation.expected !== undefined && operation.expected !== (isEmpty ? 0 : version))
          return undefined;
        const isItsTurn =
          operation.version === undefined
            ? !this.#written.has(version + 1)
            : operation.version === version + 1;
        return isItsTurn ? { version: version + 1, isEmpty: false } : undefined;
      }
    }
  }

  #firstOpen(first: number): number {
    let at = first;
    while (at < this.#certain.length && this.#done.has(this.#certain[at] as RegisterOperation)) at += 1;
    return at;
  }

  /** Certain operations that nothing else must precede. */
  #openFrom(first: number): readonly RegisterOperation[] {
    const open: RegisterOperation[] = [];
    let end = Number.POSITIVE_INFINITY;
    for (let at = first; at < this.#certain.length; at += 1) {
      const operation = this.#certain[at] as RegisterOperation;
      if (operation.invokedAt > end) break;
      if (this.#done.has(operation)) continue;
      open.push(operation);
      end = Math.min(end, operation.endedAt);
    }
    return open;
  }

  /** Of those that are alike, the first one: whatever a later one would explain, it does too. */
  #unknownBefore(time: number): readonly RegisterOperation[] {
    const alike = new Map<string, RegisterOperation>();
    for (const operation of this.#unknown) {
      if (operation.invokedAt > time) break;
      if (this.#done.has(operation)) continue;
      const { kind } = operation;
      const what = kind === 'write' ? `${kind} ${operation.version} ${operation.expected}` : kind;
      if (!alike.has(what)) alike.set(what, operation);
    }
    return [...alike.values()];
  }

  #isMet({ version, isEmpty }: Register, first: number): boolean {
    const ahead = this.#unknownDone
      .filter(couldBeNext)
      .map(({ id }) => id)
      .sort((a, b) => a - b);
    let end = Number.POSITIVE_INFINITY;
    for (let at = first; at < this.#certain.length; at += 1) {
      const operation = this.#certain[at] as RegisterOperation;
      if (operation.invokedAt > end) break;
      if (this.#done.has(operation)) ahead.push(operation.id);
      else end = Math.min(end, operation.endedAt);
    }
    const state = `${version} ${isEmpty} ${first} ${ahead.join()}`;
    if (this.#met.has(state)) return true;
    this.#met.add(state);
    return false;
  }

  #noteStuck({ version, isEmpty }: Register, open: readonly RegisterOperation[]): void {
    if (this.#certainDone <= this.#furthest) return;
    this.#furthest = this.#certainDone;
    const state = isEmpty ? `empty after version ${version}` : `at version ${version}`;
    this.#stuck = {
      what: `not linearizable: the last of these cannot follow the first, which left the key ${state}`,
      operations: [...[...this.#done].slice(-SHOWN_BEFORE), ...open],
    };
  }

  #do(operation: RegisterOperation): void {
    this.#done.add(operation);
    if (isCertain(operation)) this.#certainDone += 1;
    else this.#unknownDone.push(operation);
  }

  #undo(operation: RegisterOperation): void {
    this.#done.delete(operation);
    if (isCertain(operation)) this.#certainDone -= 1;
    // Steps are taken back in the order opposite to theirs.
    else this.#unknownDone.pop();
  }
}

function isCertain({ endedAt }: RegisterOperation): boolean {
  return Number.isFinite(endedAt);
}

/**
 * Whether it could be next again if it were not done: a write of one version, or on one, could not. So it makes no
 * difference to what may follow, and states that differ by it alone are the same.
 */
function couldBeNext(done: RegisterOperation): boolean {
  return done.kind !== 'write' || (done.version === undefined && !done.expected);
}

function isObservation(operation: RegisterOperation): boolean {
  return operation.kind === 'read' || (operation.kind === 'delete' && operation.deleted === false);
}

function earliestEnd(operations: readonly RegisterOperation[]): number {
  return Math.min(...operations.map(({ endedAt }) => endedAt));
}

import { randomBytes } from 'node:crypto';
import type { Clock } from '../ports/clock.ts';
import { canonicalDigest } from './canonical-json.ts';
import { persist } from './persist.ts';
import type { SharedLog } from './shared-log.ts';

/** For how long an outage is waited out: until then a claim can still find out whether it was the first. */
const PATIENCE_MS = 2_000;

/** Names that can be used up once, over all instances on one store. */
export class SingleUse {
  readonly #log: SharedLog;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;

  constructor(options: {
    readonly log: SharedLog;
    readonly clock: Clock;
    /** Told of each attempt that failed and is repeated. */
    readonly onError: (error: unknown) => void;
  }) {
    this.#log = options.log;
    this.#clock = options.clock;
    this.#onError = options.onError;
  }

  /**
   * Uses `name` up: of all claims of it, on whichever instances, one is told true.
   *
   * Where the store fails, a name may be used up though nobody was told true: a later claim is then refused. It is
   * never given twice.
   *
   * @param name any text; only a hash of it is stored
   * @param retentionMs for how long at least a second claim is refused, in milliseconds. For a while after it, it may
   *   be refused too.
   * @throws StoreUnavailable if it is unknown, after two seconds of trying, whether this claim was the first
   */
  async claim(name: string, retentionMs: number): Promise<boolean> {
    const stream = `used-${canonicalDigest(['used', name])}`;
    const writer = randomBytes(12).toString('base64url');
    const deadline = this.#clock.now() + PATIENCE_MS;
    const persistence = {
      clock: this.#clock,
      onError: this.#onError,
      isOver: () => this.#clock.now() >= deadline,
    };
    let attempts = 0;
    const sequence = await persist(() => {
      attempts += 1;
      const record = { kind: 'message', message: 'true', writer, at: this.#clock.now() } as const;
      return this.#log.append(stream, [record], retentionMs);
    }, persistence);
    if (sequence === 1) return true;
    // The first record may be an attempt of this very claim, of which it was not told.
    return attempts > 1 && (await persist(() => this.#isFirst(stream, writer), persistence));
  }

  async #isFirst(stream: string, writer: string): Promise<boolean> {
    const { records } = await this.#log.read(stream, 0, 1);
    const first = records[0];
    return first?.sequence === 1 && first.record.kind === 'message' && first.record.writer === writer;
  }
}

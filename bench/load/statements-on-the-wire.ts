/** Each message but the first: its type, and the length of the rest with these four bytes. */
const HEAD_BYTES = 5;
/** Messages that have a statement run: a simple query, and the execution of a prepared one. */
const RUNS = new Set(['Q', 'E'].map((letter) => letter.charCodeAt(0)));

/** Counts the statements in what a client sends to PostgreSQL (protocol 3, Message Formats) on one connection. */
export class StatementsOnTheWire {
  count = 0;
  /** What is there of a message's head. */
  #head = Buffer.alloc(0);
  /** Bytes of the message that are yet to come. */
  #left = 0;
  /** The first message, by which a connection is opened, has no type. */
  #hasBegun = false;

  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      const skipped = Math.min(this.#left, rest.length);
      this.#left -= skipped;
      rest = rest.subarray(skipped);
      if (this.#left === 0) rest = this.#readHead(rest);
    }
  }

  #readHead(chunk: Buffer): Buffer {
    const needed = this.#hasBegun ? HEAD_BYTES : HEAD_BYTES - 1;
    const missing = needed - this.#head.length;
    this.#head = Buffer.concat([this.#head, chunk.subarray(0, missing)]);
    if (this.#head.length === needed) {
      // In place of a type, the first message has a byte of its length, which is 0.
      if (RUNS.has(this.#head[0] ?? 0)) this.count += 1;
      this.#left = this.#head.readInt32BE(needed - 4) - 4;
      this.#head = Buffer.alloc(0);
      this.#hasBegun = true;
    }
    return chunk.subarray(missing);
  }
}

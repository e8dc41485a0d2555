/** Something that comes and goes with a request. */
export interface InFlightItem {
  /** Where it is kept; {@link InFlight}'s own affair. */
  place: number;
}

/**
 * What is under way, in no order.
 *
 * Not a `Set`: when V8 abandons the hash table of a set in which much comes and goes, the old table points to the new
 * one. Once one of them has grown old, all that follow survive each scavenge, and with them whatever was under way,
 * until the next full collection.
 */
export class InFlight<Item extends InFlightItem> {
  readonly #items: Item[] = [];
  readonly #whenIdle: (() => void)[] = [];

  get size(): number {
    return this.#items.length;
  }

  add(item: Item): void {
    item.place = this.#items.length;
    this.#items.push(item);
  }

  /** Does nothing for an item that is not there any more. */
  delete(item: Item): void {
    if (this.#items[item.place] !== item) return;
    const last = this.#items.pop() as Item;
    if (last !== item) {
      this.#items[item.place] = last;
      last.place = item.place;
    }
    if (this.#items.length === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** As they are now: what happens meanwhile does not matter. */
  all(): Item[] {
    return [...this.#items];
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    if (this.#items.length > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }
}

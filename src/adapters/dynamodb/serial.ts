/**
 * Runs tasks of one name after each other, in the order they came; tasks of different names do not wait.
 * Without this, 20 appenders of one process would collide on each sequence of their stream.
 */
export class Serial {
  readonly #tails = new Map<string, Promise<unknown>>();

  run<T>(name: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name) ?? Promise.resolve();
    const running = before.then(task);
    const tail = running.then(
      () => {},
      () => {},
    );
    this.#tails.set(name, tail);
    void tail.then(() => {
      if (this.#tails.get(name) === tail) this.#tails.delete(name);
    });
    return running;
  }
}

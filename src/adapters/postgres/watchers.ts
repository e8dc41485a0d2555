/** Who watches which topic on this instance. */
export class Watchers {
  readonly #byTopic = new Map<string, Set<() => void>>();

  add(topic: string, onSignal: () => void): () => void {
    const watchers = this.#byTopic.get(topic) ?? new Set();
    // A function of its own, so that one watcher may watch twice and leave once.
    const watcher = (): void => onSignal();
    this.#byTopic.set(topic, watchers.add(watcher));
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#byTopic.get(topic) === watchers) this.#byTopic.delete(topic);
    };
  }

  call(topic: string): void {
    for (const watcher of [...(this.#byTopic.get(topic) ?? [])]) watcher();
  }

  callAll(): void {
    for (const watchers of [...this.#byTopic.values()]) for (const watcher of [...watchers]) watcher();
  }
}

/** The calls that one instance runs now. As many are remembered as run. */
export class RunningCalls {
  readonly #whenOver = new Map<string, Set<() => void>>();

  /** @param caller unlike any other @returns what to call when it is over */
  begin(caller: string): () => void {
    const listeners = new Set<() => void>();
    this.#whenOver.set(caller, listeners);
    return () => {
      this.#whenOver.delete(caller);
      for (const listener of listeners) listener();
    };
  }

  has(caller: string): boolean {
    return this.#whenOver.has(caller);
  }

  /**
   * Calls `listener` when a call that runs is over, until the returned function is called. Not of one that does not
   * run.
   */
  whenOver(caller: string, listener: () => void): () => void {
    const listeners = this.#whenOver.get(caller);
    listeners?.add(listener);
    return () => void listeners?.delete(listener);
  }

  /** Resolves when none runs. */
  async idle(): Promise<void> {
    for (const listeners of this.#whenOver.values())
      await new Promise<void>((resolve) => listeners.add(resolve));
  }
}

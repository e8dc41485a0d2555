import type { OnSignal, Signals, SignalTopic } from '../../ports/signals.ts';

/** Signals within one process, where none is lost; instances that share this object hear each other. */
export class MemorySignals implements Signals {
  readonly tellsOfSessions = true;
  readonly #watchers = new Map<string, Set<OnSignal>>();

  async publish(topic: SignalTopic): Promise<void> {
    for (const onSignal of [...(this.#watchers.get(topicKey(topic)) ?? [])]) onSignal(false);
  }

  watch(topic: SignalTopic, onSignal: OnSignal): () => void {
    const key = topicKey(topic);
    const watchers = this.#watchers.get(key) ?? new Set();
    // A function of its own, so that one watcher may watch twice and leave once.
    const watcher: OnSignal = (isInDoubt) => onSignal(isInDoubt);
    this.#watchers.set(key, watchers.add(watcher));
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#watchers.get(key) === watchers) this.#watchers.delete(key);
    };
  }
}

function topicKey(topic: SignalTopic): string {
  return topic.stream === undefined ? topic.ref : `${topic.ref}/${topic.stream}`;
}

import type { OnSignal, SignalTopic } from '../../ports/signals.ts';

/** A topic that is a stream. */
export interface StreamTopic {
  readonly ref: string;
  readonly stream: string;
}

interface Watched {
  readonly topic: SignalTopic;
  readonly watchers: Set<OnSignal>;
}

/** Who watches which topic on this instance. */
export class Watchers {
  readonly #byTopic = new Map<string, Watched>();

  add(topic: SignalTopic, onSignal: OnSignal): () => void {
    const text = topicText(topic);
    const watched = this.#byTopic.get(text) ?? { topic, watchers: new Set<OnSignal>() };
    // A function of its own, so that one watcher may watch twice and leave once.
    const watcher: OnSignal = (isInDoubt) => onSignal(isInDoubt);
    watched.watchers.add(watcher);
    this.#byTopic.set(text, watched);
    return () => {
      watched.watchers.delete(watcher);
      if (watched.watchers.size === 0 && this.#byTopic.get(text) === watched) this.#byTopic.delete(text);
    };
  }

  /** @param text the topic, by {@link topicText} */
  call(text: string, isInDoubt = false): void {
    for (const watcher of [...(this.#byTopic.get(text)?.watchers ?? [])]) watcher(isInDoubt);
  }

  callAll(isInDoubt: boolean): void {
    for (const text of [...this.#byTopic.keys()]) this.call(text, isInDoubt);
  }

  /** The streams that are watched, each once. */
  streams(): readonly StreamTopic[] {
    return [...this.#byTopic.values()].flatMap(({ topic: { ref, stream } }) =>
      stream === undefined ? [] : [{ ref, stream }],
    );
  }
}

/** A topic's name, which no other topic has: neither part has a `/` in it. */
export function topicText({ ref, stream }: Pick<SignalTopic, 'stream'> & { readonly ref: string }): string {
  return stream === undefined ? ref : `${ref}/${stream}`;
}

import type { Signals, SignalTopic } from '../../ports/signals.ts';
import { MAX_SEQUENCE, type Tables } from './entities.ts';
import { domainError } from './errors.ts';
import { StreamPoller } from './stream-poller.ts';

interface Topic {
  readonly watchers: Set<() => void>;
  readonly poller: StreamPoller | undefined;
}

/**
 * DynamoDB cannot push. Watchers of this instance are called directly; streams that others may append to are
 * polled while they are watched. Sessions are not polled: that another instance changed one is found out when
 * the cached record is too old.
 */
export class DynamodbSignals implements Signals {
  readonly #tables: Tables;
  readonly #onError: (error: unknown) => void;
  readonly #topics = new Map<string, Topic>();
  #closed = false;

  constructor(tables: Tables, onError: (error: unknown) => void) {
    this.#tables = tables;
    this.#onError = onError;
  }

  async publish(topic: SignalTopic): Promise<void> {
    const found = this.#topics.get(topicName(topic));
    if (found === undefined) return;
    found.poller?.hurry();
    call(found.watchers);
  }

  watch(topic: SignalTopic, onSignal: () => void): () => void {
    if (this.#closed) return () => {};
    const name = topicName(topic);
    const found = this.#topics.get(name) ?? this.#open(topic);
    this.#topics.set(name, found);
    // A function of its own, so that one watcher may watch twice and leave once.
    const watcher = (): void => onSignal();
    found.watchers.add(watcher);
    return () => {
      found.watchers.delete(watcher);
      if (found.watchers.size > 0 || this.#topics.get(name) !== found) return;
      found.poller?.stop();
      this.#topics.delete(name);
    };
  }

  close(): void {
    this.#closed = true;
    for (const { watchers, poller } of this.#topics.values()) {
      poller?.stop();
      watchers.clear();
    }
    this.#topics.clear();
  }

  #open({ ref, stream }: SignalTopic): Topic {
    const watchers = new Set<() => void>();
    if (stream === undefined) return { watchers, poller: undefined };
    const poller = new StreamPoller(
      (after) => this.#newestAfter(ref, stream, after),
      () => call(watchers),
      (error) => this.#onError(domainError(error)),
    );
    return { watchers, poller };
  }

  /**
   * Reads nothing where nothing is new, and so costs the least there is, however large the newest event. A
   * hint need not be consistent: what this look misses, the next one finds.
   */
  async #newestAfter(ref: string, stream: string, after: number): Promise<number> {
    const { data } = await this.#tables.records.query
      .primary({ ref, stream })
      .between({ first: after + 1 }, { first: MAX_SEQUENCE })
      .go({ order: 'desc', limit: 1, attributes: ['last'], ignoreOwnership: true });
    return data[0]?.last ?? after;
  }
}

function call(watchers: ReadonlySet<() => void>): void {
  for (const watcher of [...watchers]) watcher();
}

function topicName({ ref, stream }: SignalTopic): string {
  return stream === undefined ? ref : `${ref}/${stream}`;
}

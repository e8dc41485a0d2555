import type { SessionRef } from '../../domain/session.ts';
import type { OnSignal, Signals, SignalTopic } from '../../ports/signals.ts';
import { MAX_SEQUENCE, type Tables } from './entities.ts';
import { domainError } from './errors.ts';
import { readSession } from './session-items.ts';
import { EMPTY, GONE, type Seen, StreamPoller } from './stream-poller.ts';

interface Topic {
  readonly watchers: Set<OnSignal>;
  readonly poller: StreamPoller | undefined;
}

/**
 * DynamoDB cannot push. Watchers of this instance are called directly; streams that others may append to are
 * polled while they are watched. Sessions are not polled: that another instance changed one is found out when
 * the cached record is too old.
 */
export class DynamodbSignals implements Signals {
  readonly tellsOfSessions = false;
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
    call(found.watchers, false);
  }

  watch(topic: SignalTopic, onSignal: OnSignal): () => void {
    if (this.#closed) return () => {};
    const name = topicName(topic);
    const found = this.#topics.get(name) ?? this.#open(topic);
    this.#topics.set(name, found);
    // A function of its own, so that one watcher may watch twice and leave once.
    const watcher: OnSignal = (isInDoubt) => onSignal(isInDoubt);
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
    const watchers = new Set<OnSignal>();
    if (stream === undefined) return { watchers, poller: undefined };
    const poller = new StreamPoller(
      (known) => this.#newest(ref, stream, known),
      (isInDoubt) => call(watchers, isInDoubt),
      (error) => this.#onError(domainError(error)),
    );
    return { watchers, poller };
  }

  /**
   * The newest record, looked for from the known one on: if that is not found either, the stream vanished, with
   * its session or by its expiry, since trimming leaves the newest. A hint need not be consistent: what this look
   * misses, the next one finds, and a record that an older replica does not know yet costs two in vain.
   *
   * A look that finds nothing asks for the session, with one GetItem: a stream that was filled and deleted between
   * two looks would else be taken for one that is still empty.
   */
  async #newest(ref: SessionRef, stream: string, known: Seen | undefined): Promise<Seen> {
    const { data } = await this.#tables.records.query
      .primary({ ref, stream })
      .between({ first: known?.first ?? 1 }, { first: MAX_SEQUENCE })
      .go({ order: 'desc', limit: 1, attributes: ['first', 'appendId'], ignoreOwnership: true });
    const [newest] = data;
    if (newest !== undefined) return { first: newest.first, id: newest.appendId };
    if (known === GONE) return GONE;
    return (await readSession(this.#tables, ref)) === undefined ? GONE : EMPTY;
  }
}

function call(watchers: ReadonlySet<OnSignal>, isInDoubt: boolean): void {
  for (const watcher of [...watchers]) watcher(isInDoubt);
}

function topicName({ ref, stream }: SignalTopic): string {
  return stream === undefined ? ref : `${ref}/${stream}`;
}

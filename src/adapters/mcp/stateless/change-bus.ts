import type { ServerEvent, ServerEventBus } from '@modelcontextprotocol/server';
import { type ChangeStep, LIST_CHANGES } from '../../../domain/change.ts';
import type { ChangeSubscription, Changes } from '../../../domain/changes.ts';

export interface ChangeBusOptions {
  readonly changes: Changes;
  /** Told of changes that could not be published, and of what a listener throws. */
  readonly onError: (error: unknown) => void;
  /**
   * Called when changes were missed, after the listeners were told that every list has changed. Which resources have
   * nobody knows, so listen streams are to be broken off: their clients read anew, and listen again.
   */
  readonly onMissed: () => void;
}

type Listener = (event: ServerEvent) => void;

/** What the SDK's `subscriptions/listen` streams listen to: the changes that any instance publishes. */
export class ChangeBus implements ServerEventBus {
  readonly #options: ChangeBusOptions;
  readonly #listeners = new Set<Listener>();
  #holders = 0;
  #subscription: ChangeSubscription | undefined;

  constructor(options: ChangeBusOptions) {
    this.#options = options;
  }

  /** Returns before the change is stored: who must know uses `Changes.publish`. */
  publish(event: ServerEvent): void {
    this.#options.changes.publish(event).catch(this.#options.onError);
  }

  subscribe(listener: Listener): () => void {
    const each: Listener = (event) => listener(event);
    this.#listeners.add(each);
    const { release } = this.#hold();
    return () => {
      this.#listeners.delete(each);
      release();
    };
  }

  /**
   * Resolves once no later change can be missed. To be called before a client's `subscriptions/listen` is handed to
   * the SDK, which acknowledges it at once and subscribes right after.
   * @returns lets go: to be called once the SDK has subscribed
   * @throws StoreUnavailable: then the client is not to be told that it is listened for
   */
  async ready(): Promise<() => void> {
    const { release, subscription } = this.#hold();
    try {
      await subscription.ready;
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }

  #hold(): { readonly subscription: ChangeSubscription; readonly release: () => void } {
    this.#holders += 1;
    this.#subscription ??= this.#options.changes.subscribe((step) => this.#tell(step));
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      this.#holders -= 1;
      if (this.#holders > 0) return;
      this.#subscription?.end();
      this.#subscription = undefined;
    };
    return { subscription: this.#subscription, release };
  }

  #tell(step: ChangeStep): void {
    if (step.kind === 'change') {
      this.#give(step.change);
      return;
    }
    for (const kind of LIST_CHANGES) this.#give({ kind });
    this.#options.onMissed();
  }

  #give(event: ServerEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#options.onError(error);
      }
    }
  }
}

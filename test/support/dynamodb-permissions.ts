import { IAM_ACTIONS } from '../../src/adapters/dynamodb/permissions.ts';
import type { Purpose } from './dynamodb.ts';
import { intercept } from './dynamodb-requests.ts';

/** Collects the IAM actions that clients use, by what they use them for. */
export class UsedActions {
  readonly #used = { runtime: new Set<string>(), setup: new Set<string>(), teardown: new Set<string>() };

  readonly watch = (client: Parameters<typeof intercept>[0], purpose: Purpose): void => {
    intercept(client, (sent, next) => {
      this.#used[purpose].add(`dynamodb:${sent.action}`);
      return next();
    });
  };

  used(purpose: Purpose): string[] {
    return [...this.#used[purpose]].toSorted();
  }

  /** Those that the documented list does not allow. */
  get undocumented(): string[] {
    return (['runtime', 'setup', 'teardown'] as const).flatMap((purpose) =>
      this.used(purpose).filter((action) => !(IAM_ACTIONS[purpose] as readonly string[]).includes(action)),
    );
  }
}

import { INSTANCE_KEPT_MS } from '../../domain/limits.ts';
import type { Instances } from '../../ports/instances.ts';
import { type Tables, ttlOf } from './entities.ts';
import { inDomainErrors } from './errors.ts';

/** Instances in DynamoDB: one item each, in the sessions' table, which its TTL removes. */
export class DynamodbInstances implements Instances {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** One UpdateItem without a condition: one that the SDK sends twice may count twice, which does no harm. */
  beat(instance: string, now: number): Promise<void> {
    return inDomainErrors(async () => {
      await this.#tables.instances
        .upsert({ id: instance, ttl: ttlOf(now + INSTANCE_KEPT_MS) })
        .add({ beats: 1 })
        .go({ response: 'none' });
    });
  }

  /** One consistent GetItem. */
  beats(instance: string): Promise<number | undefined> {
    return inDomainErrors(async () => {
      const { data } = await this.#tables.instances.get({ id: instance }).go({ consistent: true });
      return data?.beats;
    });
  }

  /** One DeleteItem. */
  forget(instance: string): Promise<void> {
    return inDomainErrors(async () => {
      await this.#tables.instances.delete({ id: instance }).go({ response: 'none' });
    });
  }
}

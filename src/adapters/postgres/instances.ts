import type { Instances } from '../../ports/instances.ts';
import type { Database } from './database.ts';
import { beatInstance, countBeats, forgetInstance } from './instance-statements.ts';

/** Instances in PostgreSQL, one row each. The sweep that removes them is `deleteExpired` of the sessions. */
export class PostgresInstances implements Instances {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async beat(instance: string, now: number): Promise<void> {
    await this.#database.run(beatInstance, { id: instance, now });
  }

  async beats(instance: string): Promise<number | undefined> {
    const [row] = await this.#database.run(countBeats, { id: instance });
    return row?.beats;
  }

  async forget(instance: string): Promise<void> {
    await this.#database.run(forgetInstance, { id: instance });
  }
}

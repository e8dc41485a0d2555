import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { stateServer } from '../../src/adapters/mcp/tools/state-server.ts';
import { MemorySignals } from '../../src/adapters/memory/signals.ts';
import type { DurableMcp } from '../../src/app/durable-mcp.ts';
import type { Store } from '../../src/ports/store.ts';
import { NOW } from '../contract/fixtures.ts';
import { Gates } from '../streams/fixture/gates.ts';
import { scriptServer } from '../streams/fixture/script-server.ts';
import { CapacityMeter, type Charge } from '../support/capacity-meter.ts';
import { type DynamodbFixture, dynamodbFixture, engineClient } from '../support/dynamodb.ts';
import type { DynamodbEngine } from '../support/dynamodb-engines.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { library } from '../support/library.ts';
import { testService } from '../support/service.ts';

/** Sends one request to an endpoint, through all that is behind its socket. */
export type Send = (init: RequestInit) => Promise<Response>;

const STEP_MS = 60;
const MOST_STEPS = 1_000;

const PRINCIPAL = { issuer: 'https://issuer.example', subject: 'somebody' };

/**
 * One instance after the other on one engine whose requests are metered. The time stands still unless it is moved, so
 * that what is charged does not depend on how fast the machine is.
 */
export class CostLab {
  readonly clock = new FakeClock(NOW);
  readonly gates = new Gates();
  readonly meter: CapacityMeter;
  /** The adapter itself. */
  readonly store: Store;
  readonly #fixture: DynamodbFixture;
  readonly #unmetered: DynamoDBClient;
  readonly #endpoints: DurableMcp[] = [];

  private constructor(fixture: DynamodbFixture, unmetered: DynamoDBClient) {
    this.#fixture = fixture;
    this.store = fixture.store;
    this.#unmetered = unmetered;
    this.meter = new CapacityMeter(fixture.client, unmetered);
  }

  static async open(engine: DynamodbEngine): Promise<CostLab> {
    return new CostLab(await dynamodbFixture(engine), engineClient(engine));
  }

  /** The service as it is started, with its own tools. */
  service(): Send {
    const { service, request } = testService({ store: this.#unpolled(), clock: this.clock });
    this.#endpoints.push(service.mcp);
    return (init) => request('/mcp', init);
  }

  /** The service's tools for a caller who is known by name. */
  ownedSessions(): Send {
    const server = stateServer({ name: 'costs', version: '1' });
    const onBug = (error: unknown): never => {
      throw error;
    };
    return this.#library({ server, principal: () => PRINCIPAL, onBug }).request;
  }

  /** A server whose calls do what they are told, step by step. Signals come by polling only where that is asked for. */
  streams(options: { readonly isPolled?: boolean } = {}): {
    readonly mcp: DurableMcp;
    readonly request: Send;
  } {
    const store = options.isPolled === true ? this.store : this.#unpolled();
    const { gates } = this;
    return this.#library({
      store,
      server: (session) => scriptServer({ instance: 'a', session, gates, tellsOfAll: true }),
    });
  }

  /** What `operation` is charged. */
  charges(operation: () => Promise<unknown>): Promise<Charge[]> {
    return this.meter.of(operation);
  }

  /** Lets the time pass that `operation` waits for, whenever it has nothing else to do. */
  async overTime<T>(operation: Promise<T>): Promise<T> {
    let isOver = false;
    const over = operation.finally(() => {
      isOver = true;
    });
    over.catch(() => {});
    await this.meter.quiet();
    for (let step = 0; !isOver; step += 1) {
      if (step === MOST_STEPS) throw new Error(`not over after ${MOST_STEPS * STEP_MS} ms`);
      await this.clock.advance(STEP_MS);
      await this.meter.quiet();
    }
    return over;
  }

  async close(): Promise<void> {
    this.gates.openAll();
    for (const endpoint of this.#endpoints) await this.overTime(endpoint.close({ finishMs: 0 }));
    this.#unmetered.destroy();
    await this.#fixture.close();
    if (this.#fixture.errors.length > 0)
      throw new AggregateError(this.#fixture.errors, 'errors of the store');
  }

  #library(options: Parameters<typeof library>[0]): ReturnType<typeof library> {
    const made = library({ store: this.#unpolled(), clock: this.clock, ...options });
    this.#endpoints.push(made.mcp);
    return made;
  }

  /** What polling costs is counted by itself: it goes by the machine's time. */
  #unpolled(): Store {
    const local = new MemorySignals();
    return {
      ...this.store,
      signals: {
        tellsOfSessions: false,
        publish: (topic) => local.publish(topic),
        watch: (topic, onSignal) => local.watch(topic, onSignal),
      },
    };
  }
}

import type { Environment } from '../contenders/environment.ts';
import { WrongAnswer } from '../load/answer.ts';
import { BareNotifier } from '../load/bare-notifier.ts';
import { emit, emittedIn } from '../load/emitted.ts';
import { EventStream } from '../load/event-stream.ts';
import { SessionClient } from '../load/session-client.ts';
import { percentile } from '../report/statistics.ts';
import { startEmitter } from './emitter.ts';
import type { Figures, PreparedCase, Workload } from './workload.ts';

const DELIVERIES = 300;
const WARM_UP = 100;

/**
 * A notification that is emitted on one instance, until the client has it whose GET stream another instance serves;
 * in turn with what the database takes for as much by itself.
 */
export const DELIVERY: Workload = {
  name: 'delivery',
  title: 'a notification emitted on instance A, delivered on instance B',
  quick: true,
  cases: [{ name: 'postgres', contender: 'postgres', prepare }],
};

async function prepare(environment: Environment): Promise<PreparedCase> {
  const databaseUrl = await environment.database('delivery');
  const a = await startEmitter(environment, databaseUrl);
  const b = await startEmitter(environment, databaseUrl);
  const bare = await BareNotifier.open(databaseUrl);
  const client = await SessionClient.open(a.origin);
  const session = new DeliveringSession(client);
  await session.listen(b.origin);
  const measureAll = async (count: number): Promise<Figures> => {
    const samples = { delivery: [] as number[], transaction: [] as number[], statement: [] as number[] };
    for (let n = 0; n < count; n += 1) {
      samples.delivery.push(await session.deliver());
      samples.transaction.push(await bare.deliver('transaction'));
      samples.statement.push(await bare.deliver('one statement'));
    }
    return figuresOf(samples);
  };
  await measureAll(WARM_UP);
  return {
    measure: () => measureAll(DELIVERIES),
    close: async () => {
      await session.close();
      await bare.close();
    },
  };
}

function figuresOf(samples: {
  readonly delivery: readonly number[];
  readonly transaction: readonly number[];
  readonly statement: readonly number[];
}): Figures {
  const p50 = percentile(samples.delivery, 0.5);
  return {
    deliveries: samples.delivery.length,
    p50_ms: p50,
    p99_ms: percentile(samples.delivery, 0.99),
    bare_p50_ms: percentile(samples.transaction, 0.5),
    bare_p99_ms: percentile(samples.transaction, 0.99),
    x_bare: p50 / percentile(samples.transaction, 0.5),
    bare_statement_p50_ms: percentile(samples.statement, 0.5),
    x_bare_statement: p50 / percentile(samples.statement, 0.5),
  };
}

/** A session that is notified through one instance while its client listens on another. */
class DeliveringSession {
  readonly #client: SessionClient;
  #stream: EventStream | undefined;
  #number = 0;
  #delivered: (latencyMs: number) => void = () => {};

  constructor(client: SessionClient) {
    this.#client = client;
  }

  async listen(origin: string): Promise<void> {
    this.#stream = await EventStream.open(origin, {
      sessionId: this.#client.sessionId,
      onEvent: (event, at) => {
        const emitted = emittedIn(event);
        if (emitted === undefined) return;
        if (emitted.number !== this.#number)
          throw new WrongAnswer(`notification ${this.#number}`, event.data);
        this.#delivered(Number(at - emitted.at) / 1e6);
      },
    });
  }

  /** @returns from its emission until the client had it, in milliseconds */
  async deliver(): Promise<number> {
    this.#number += 1;
    const delivered = new Promise<number>((resolve) => {
      this.#delivered = resolve;
    });
    const [latencyMs] = await Promise.all([this.#received(delivered), emit(this.#client, this.#number, 1)]);
    return latencyMs;
  }

  async close(): Promise<void> {
    await this.#stream?.close();
    await this.#client.close();
  }

  #received(delivered: Promise<number>): Promise<number> {
    if (this.#stream === undefined) throw new Error('nobody listens yet');
    return Promise.race([delivered, this.#stream.failure]);
  }
}

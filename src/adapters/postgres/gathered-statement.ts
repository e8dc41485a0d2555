import type { Database } from './database.ts';
import { sqlState } from './errors.ts';
import type { Statement } from './statement.ts';

/** Callers that share a statement at most: no one waits for long because of the others' values. */
const MOST = 16;

/** A list for each of a caller's values, in the callers' order. */
export type Columns<Values> = { readonly [Name in keyof Values]: readonly Values[Name][] };

/** Which of the callers a row is for, counted from 1. */
export interface OfCaller {
  readonly position: number;
}

/** Two statements that do the same. */
export interface Gatherable<Values, Row> {
  /** For a caller who comes alone: it costs less. */
  readonly one: Statement<Values, Row>;
  /**
   * The callers have nothing to do with each other, so this has to wait for no lock, and to leave out what it cannot do
   * for one of them, who gets no row and is to ask in another way.
   */
  readonly many: Statement<Columns<Values>, Row & OfCaller>;
  /** Values that make the list dearer than a statement of their own. None, where left out. */
  readonly isLarge?: (values: Values) => boolean;
}

interface Caller<Values, Row> {
  readonly values: Values;
  readonly resolve: (row: Row | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Runs a statement once for all that call it in one turn of the event loop. A transaction, with its share of an fsync,
 * and two processes that wake each other cost more than what most calls do to the database.
 */
export class GatheredStatement<Values extends object, Row> {
  readonly #database: Database;
  readonly #statements: Gatherable<Values, Row>;
  #callers: Caller<Values, Row>[] = [];

  constructor(database: Database, statements: Gatherable<Values, Row>) {
    this.#database = database;
    this.#statements = statements;
  }

  /** @throws as `Database.run` */
  run(values: Values): Promise<Row | undefined> {
    if (this.#statements.isLarge?.(values)) return this.#rowFor(values);
    return new Promise((resolve, reject) => {
      if (this.#callers.length === 0) setImmediate(() => this.#sendAll());
      this.#callers.push({ values, resolve, reject });
    });
  }

  #sendAll(): void {
    const callers = this.#callers;
    this.#callers = [];
    for (let first = 0; first < callers.length; first += MOST) {
      void this.#send(callers.slice(first, first + MOST));
    }
  }

  async #send(callers: readonly Caller<Values, Row>[]): Promise<void> {
    const [first, ...others] = callers;
    if (first === undefined) return;
    try {
      if (others.length === 0) first.resolve(await this.#rowFor(first.values));
      else await this.#answer(callers);
    } catch (error) {
      if (others.length > 0 && sqlState(error) !== undefined) {
        // The server has done nothing, because of what may be one caller's affair.
        for (const caller of callers) void this.#send([caller]);
      } else {
        for (const { reject } of callers) reject(error);
      }
    }
  }

  async #rowFor(values: Values): Promise<Row | undefined> {
    const [row] = await this.#database.run(this.#statements.one, values);
    return row;
  }

  async #answer(callers: readonly Caller<Values, Row>[]): Promise<void> {
    const { many } = this.#statements;
    const columns = many.parameters.map((name) => [name, callers.map(({ values }) => values[name])]);
    const rows = await this.#database.run(many, Object.fromEntries(columns) as Columns<Values>);
    const byPosition = new Map(rows.map((row) => [row.position, row]));
    callers.forEach(({ resolve }, index) => {
      resolve(byPosition.get(index + 1));
    });
  }
}

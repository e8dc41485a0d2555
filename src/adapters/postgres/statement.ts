import { type Placeholder, type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';

/** A statement composed and compiled once, when its module is loaded. */
export interface Statement<Values, Row> {
  /** As a prepared statement is called on its connection. */
  readonly name: string;
  readonly text: string;
  /** The names of `$1`, `$2` …, in this order. */
  readonly parameters: readonly (keyof Values & string)[];
  /** Only there to carry the type of the rows. */
  readonly row?: Row;
}

const dialect = new PgDialect();

/**
 * Compiles `query`. A parameter that is used several times is sent once: a value of 256 KiB would otherwise
 * go over the wire twice.
 */
export function statement<Values, Row>(name: string, query: SQL): Statement<Values, Row> {
  const compiled = dialect.sqlToQuery(query);
  const names = compiled.params.map((parameter) => (parameter as Placeholder).name);
  const parameters = [...new Set(names)] as (keyof Values & string)[];
  const text = compiled.sql.replace(
    /\$(\d+)/g,
    (_, position) => `$${parameters.indexOf(names[Number(position) - 1] as keyof Values & string) + 1}`,
  );
  return { name, text, parameters };
}

// Each parameter carries its type: a prepared statement that compares one with a literal or with null would
// otherwise have to guess, and fails with 42P18 where it cannot.

export const textParameter = (name: string): SQL => sql`${sql.placeholder(name)}::text`;
export const integerParameter = (name: string): SQL => sql`${sql.placeholder(name)}::integer`;
/** For a caller's number that may be beyond any `integer` that is stored. */
export const bigintParameter = (name: string): SQL => sql`${sql.placeholder(name)}::bigint`;
export const booleanParameter = (name: string): SQL => sql`${sql.placeholder(name)}::boolean`;
export const jsonParameter = (name: string): SQL => sql`${sql.placeholder(name)}::json`;
export const textsParameter = (name: string): SQL => sql`${sql.placeholder(name)}::text[]`;
export const bigintsParameter = (name: string): SQL => sql`${sql.placeholder(name)}::bigint[]`;
export const timesParameter = (name: string): SQL => sql`${sql.placeholder(name)}::float8[]`;
/** A parameter in Unix milliseconds. */
export const timeParameter = (name: string): SQL => timestamp(sql`${sql.placeholder(name)}::float8`);

/** The time of Unix milliseconds. `to_timestamp` rounds to microseconds, so no millisecond is lost. */
export const timestamp = (unixMs: SQL): SQL => sql`to_timestamp(${unixMs} / 1000)`;

/** A time as Unix milliseconds: `float8` reaches JavaScript as a number, `timestamptz` as a costlier `Date`. */
export const milliseconds = (time: SQLWrapper): SQL => sql`(extract(epoch from ${time}) * 1000)::float8`;

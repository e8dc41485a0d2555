/** `durable-mcp/postgres`: sessions in PostgreSQL. Needs the packages `pg` and `drizzle-orm`. */

// First, so that where it is missing Node's error names this package, and not one further down.
import 'pg';

export { type MigrateOptions, migrate } from '../../adapters/postgres/migrate.ts';
export { type PostgresStoreOptions, postgresStore } from '../../adapters/postgres/store.ts';
export { type TeardownOptions, teardown } from '../../adapters/postgres/teardown.ts';

/** `durable-mcp/postgres`: sessions in PostgreSQL. Needs the packages `pg` and `drizzle-orm`. */
export { type MigrateOptions, migrate } from '../../adapters/postgres/migrate.ts';
export { type PostgresStoreOptions, postgresStore } from '../../adapters/postgres/store.ts';
export { type TeardownOptions, teardown } from '../../adapters/postgres/teardown.ts';

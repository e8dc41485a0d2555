import { describe, expect, it } from 'vitest';
import { packagedMigrationFiles } from '../../src/adapters/postgres/journal.ts';
import { disturbances } from './migration-rule.ts';

/**
 * What does not keep to the rule, and why it may. The rule holds from the first release on: before it nobody had
 * tables from which to roll.
 */
const BEFORE_THE_FIRST_RELEASE: Readonly<Record<string, readonly string[]>> = {
  // Writers of mcp_sessions wait while the index is built.
  '0003_session_directory': [expect.stringMatching(/^create index mcp_sessions_principal_created /)],
};

describe('a migration', () => {
  // Catches: a migration with which the servers of the version before fail, or for which they have to wait.
  it('only adds, in ways that hold up no server of the version before', async () => {
    for (const { tag, statements } of await packagedMigrationFiles()) {
      expect({ tag, found: disturbances(statements) }).toEqual({
        tag,
        found: BEFORE_THE_FIRST_RELEASE[tag] ?? [],
      });
    }
  });

  // Catches: a rule that lets everything pass.
  it.each([
    'ALTER TABLE "mcp_sessions" DROP COLUMN "log_level";',
    'DROP TABLE "mcp_instances";',
    'ALTER TABLE "mcp_sessions" RENAME COLUMN "ref" TO "reference";',
    'ALTER TABLE "mcp_sessions" RENAME TO "sessions";',
    'ALTER TABLE "mcp_sessions" ALTER COLUMN "version" SET DATA TYPE bigint;',
    'ALTER TABLE "mcp_sessions" ALTER COLUMN "initialize" SET NOT NULL;',
    'ALTER TABLE "mcp_sessions" ADD COLUMN "tenant" text NOT NULL;',
    'ALTER TABLE "mcp_sessions" ADD COLUMN "made" timestamp DEFAULT clock_timestamp();',
    'ALTER TABLE "mcp_sessions" ADD COLUMN "n" integer CHECK ("n" > 0);',
    'ALTER TABLE "mcp_sessions" ADD COLUMN "a" text, DROP COLUMN "log_level";',
    'ALTER TABLE "mcp_sessions" ADD CONSTRAINT "positive" CHECK ("version" > 0);',
    'ALTER TABLE "mcp_session_values" ADD CONSTRAINT "fk" FOREIGN KEY ("key") REFERENCES "keys"("key");',
    'CREATE INDEX "by_version" ON "mcp_sessions" USING btree ("version");',
    'CREATE UNIQUE INDEX IF NOT EXISTS "one" ON "mcp_sessions" USING btree ("version");',
    'UPDATE "mcp_sessions" SET "version" = 1;',
    'ALTER TABLE "mcp_sessions" ADD COLUMN "a" text; DROP TABLE "mcp_instances";',
  ])('may not: %s', (statement) => {
    expect(disturbances([statement])).toHaveLength(1);
  });

  it.each([
    'CREATE TABLE "mcp_notes" ("id" text PRIMARY KEY NOT NULL);',
    'ALTER TABLE "mcp_sessions" ADD COLUMN "idle_ms" bigint;',
    `ALTER TABLE "mcp_sessions" ADD COLUMN "kind" text DEFAULT 'plain' NOT NULL;`,
    'ALTER TABLE "mcp_sessions" ADD COLUMN "uses" integer DEFAULT 0 NOT NULL;',
    'ALTER TABLE "mcp_sessions" ADD CONSTRAINT "positive" CHECK ("version" > 0) NOT VALID;',
    'CREATE INDEX IF NOT EXISTS "by_version" ON "mcp_sessions" USING btree ("version");',
  ])('may: %s', (statement) => {
    expect(disturbances([statement])).toEqual([]);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Pgbouncer, pgbouncerMissing, startPgbouncer } from '../support/pgbouncer.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { CommandProcess } from '../support/process.ts';
import { RawSession } from '../support/raw-session.ts';
import { unlessMissing } from '../support/unless-missing.ts';

unlessMissing(pgbouncerMissing, 'two servers behind PgBouncer', () => {
  describe('two servers behind PgBouncer, which have no other way to the database', () => {
    let database: TestDatabase;
    let pooler: Pgbouncer;
    let servers: CommandProcess[];

    beforeAll(async () => {
      database = await createTestDatabase('empty');
      pooler = await startPgbouncer(database.url);
      const environment = {
        DATABASE_URL: pooler.url,
        DATABASE_LISTEN_URL: 'none',
        DATABASE_PREPARED_STATEMENTS: 'false',
        CREATE_TABLES_IF_MISSING: 'true',
      };
      servers = [1, 2].map(
        () => new CommandProcess('test/e2e/serve.ts', ['--store', 'postgres'], environment),
      );
    });
    afterAll(async () => {
      await Promise.all(servers.map((server) => server.kill('SIGKILL')));
      await pooler.stop();
      await database.drop();
    });

    // Catches: anything that needs one connection for more than a transaction, from the tables on.
    it('share sessions, values and messages, and one does without the other', async () => {
      const [a, b] = (await Promise.all(servers.map((server) => server.ready()))) as [string, string];
      const session = await RawSession.open(a);
      const stored = await session.call(a, 'store_value', { key: 'k', value: [1] });
      expect(stored.result).toMatchObject({ structuredContent: { stored: true, version: 1 } });
      const got = await session.call(b, 'get_value', { key: 'k' });
      expect(got.result).toMatchObject({ structuredContent: { found: true, value: [1] } });

      const listening = await session.listen(b);
      await session.call(a, 'announce', { text: 'from the other' });
      await listening.until(
        () => listening.said.includes('from the other'),
        'the message of the other instance',
      );

      await servers[0]?.kill('SIGKILL');
      const again = await session.call(b, 'store_value', { key: 'k', value: 2, expected_version: 1 });
      expect(again.result).toMatchObject({ structuredContent: { stored: true, version: 2 } });
      expect(await session.terminate(b)).toBe(200);
      expect(await session.ping(b)).toBe(404);
      expect(await servers[1]?.kill('SIGTERM')).toBe(0);
    });
  });
});

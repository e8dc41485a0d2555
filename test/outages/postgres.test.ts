import { postgresStore } from '../../src/adapters/postgres/store.ts';
import type { Store } from '../../src/ports/store.ts';
import type { StoreHarness } from '../contract/harness.ts';
import { startOwnPostgres } from '../support/own-postgres.ts';
import { startTcpProxy, through } from '../support/tcp-proxy.ts';
import { type Outage, type OutageLab, outageSuite } from './outage.suite.ts';

const READ_ONLY = 'alter database outages set default_transaction_read_only';
const TERMINATE = `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'outages'`;

const NAMES = [
  'PostgreSQL is stopped and started',
  'PostgreSQL hangs',
  'the network refuses and resets connections',
  'PostgreSQL is read-only after a failover',
];

/** 5 s for a connection and 12 s for an answer, see `docs/outages.md`; the rest is this machine's. */
const BOUND_MS = 18_000;

async function makeLab(): Promise<OutageLab> {
  const postgres = await startOwnPostgres();
  const proxy = await startTcpProxy(postgres.url);
  const stores: Store[] = [];
  const [stopped = '', hangs = '', cut = '', readOnly = ''] = NAMES;
  const outages: Outage[] = [
    { name: stopped, begin: postgres.stop, end: postgres.start, seen: 'errors' },
    { name: hangs, begin: postgres.freeze, end: postgres.thaw, seen: 'delay' },
    { name: cut, begin: proxy.refuse, end: proxy.mend, seen: 'errors' },
    {
      name: readOnly,
      begin: async () => {
        await postgres.query(`${READ_ONLY} = on`);
        await postgres.query(TERMINATE);
      },
      // Connections from meanwhile stay, and go on refusing writes.
      end: () => postgres.query(`${READ_ONLY} = off`),
      seen: 'errors',
    },
  ];
  const harness: Pick<StoreHarness, 'open' | 'close'> = {
    open: async () => {
      const store = postgresStore({ connectionString: through(proxy, postgres.url) });
      stores.push(store);
      return store;
    },
    close: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await proxy.close();
      await postgres.close();
    },
  };
  return { harness, outages, boundMs: BOUND_MS };
}

outageSuite('PostgreSQL', 'postgres', NAMES, makeLab);

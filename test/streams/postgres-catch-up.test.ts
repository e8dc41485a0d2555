import { postgresHarness } from '../support/postgres.ts';
import { noSignalsSuite } from './no-signals.suite.ts';
import { overClusters } from './streams.suite.ts';

// As it is every 30 s beside LISTEN, and every second without.
overClusters('postgres with an early catch-up', postgresHarness({ catchUpMs: 200 }), noSignalsSuite);

import { postgresHarness } from '../support/postgres.ts';
import { lostChangesSuite } from './changes.suite.ts';
import { erasSuite, overEras } from './eras.suite.ts';

erasSuite('postgres', postgresHarness());
overEras('postgres with an early catch-up', postgresHarness({ catchUpMs: 200 }), lostChangesSuite);

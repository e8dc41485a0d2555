import { memoryHarness } from '../support/memory.ts';
import { postgresHarness } from '../support/postgres.ts';
import { httpFuzz } from './http.suite.ts';

httpFuzz('memory', memoryHarness, 1);
httpFuzz('postgres', postgresHarness(), 0.2);

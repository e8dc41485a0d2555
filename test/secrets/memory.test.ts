import { memoryHarness } from '../support/memory.ts';
import { rawIdsSuite } from './raw-ids.suite.ts';

rawIdsSuite('memory', memoryHarness);

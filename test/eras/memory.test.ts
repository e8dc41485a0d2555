import { memoryHarness } from '../support/memory.ts';
import { erasSuite } from './eras.suite.ts';

erasSuite('memory', memoryHarness);

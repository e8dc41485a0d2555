import { memoryHarness } from '../support/memory.ts';
import { onceSuite } from './once.suite.ts';
import { streamsSuite } from './streams.suite.ts';

streamsSuite('memory', memoryHarness);
onceSuite('memory', memoryHarness);

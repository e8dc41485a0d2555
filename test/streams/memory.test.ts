import { memoryHarness } from '../support/memory.ts';
import { streamsSuite } from './streams.suite.ts';

streamsSuite('memory', memoryHarness);

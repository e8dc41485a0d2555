import { memoryHarness } from '../support/memory.ts';
import { storeContract } from './store.suite.ts';

storeContract('memory', memoryHarness);

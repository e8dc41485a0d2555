/** `durable-mcp/memory`: sessions that live as long as the process, for tests and for trying things out. */
export { memoryStore, type SharedMemory, sharedMemory } from '../../adapters/memory/store.ts';

import { memoryStore } from '../../src/adapters/memory/store.ts';
import { durableMcp } from '../../src/app/durable-mcp.ts';
import type { DurableMcpOptions } from '../../src/app/durable-mcp-options.ts';

/** The library as an author mounts it, in memory unless told otherwise. */
export function library(options: Partial<DurableMcpOptions> & Pick<DurableMcpOptions, 'server'>) {
  const mcp = durableMcp({ store: memoryStore(), ...options });
  const request = (init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers);
    headers.set('host', '127.0.0.1');
    return mcp.fetch(new Request('http://127.0.0.1/mcp', { ...init, headers }));
  };
  return { mcp, request };
}

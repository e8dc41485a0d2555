import type { AddressInfo } from 'node:net';

/** Writes the line by which the benchmark learns that a server is ready, and where. */
export function announce(server: { address(): AddressInfo | string | null }): void {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`listening on http://127.0.0.1:${port}/mcp\n`);
}

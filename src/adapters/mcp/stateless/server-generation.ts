import { McpServer, Server } from '@modelcontextprotocol/server';
import type { ConnectableServer } from '../server-factory.ts';

/** Whether it can be served to clients of 2026-07-28. */
export function isStatelessServer(server: ConnectableServer): server is McpServer | Server {
  return server instanceof McpServer || server instanceof Server;
}

/**
 * Whether it is of the SDK's second generation, but not of the copy that is used here. The SDK knows its servers by
 * their class, so it would take such a one for something else.
 */
export function isOfAnotherCopy(server: ConnectableServer): boolean {
  // Each is a public method that the first generation does not have: of McpServer, and of Server.
  return (
    !isStatelessServer(server) &&
    (hasMethod(server, 'toolInputSchemaJson') || hasMethod(server, 'getNegotiatedProtocolVersion'))
  );
}

export function secondCopyError(): TypeError {
  return new TypeError(
    'two copies of @modelcontextprotocol/server are installed, or one is loaded both as ESM and as CommonJS: the ' +
      'server factory must make its servers with the copy that durable-mcp imports',
  );
}

/** @throws TypeError if it is no server of any SDK */
export function assertConnectable(made: unknown): asserts made is ConnectableServer {
  if (hasMethod(made, 'connect') && hasMethod(made, 'close')) return;
  throw new TypeError(
    'the server factory returned no server: it must return an McpServer or a Server of the SDK',
  );
}

function hasMethod(value: unknown, name: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return typeof (value as Readonly<Record<string, unknown>>)[name] === 'function';
}

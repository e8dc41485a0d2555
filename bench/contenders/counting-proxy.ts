import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { StatementsOnTheWire } from '../load/statements-on-the-wire.ts';

/** Stands between a server and its PostgreSQL, and counts the statements that go by. */
export class CountingProxy {
  /** The database by way of this. */
  readonly databaseUrl: string;
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;
  readonly #connections: readonly StatementsOnTheWire[];

  private constructor(
    databaseUrl: string,
    server: Server,
    open: { readonly sockets: ReadonlySet<Socket>; readonly connections: readonly StatementsOnTheWire[] },
  ) {
    this.databaseUrl = databaseUrl;
    this.#server = server;
    this.#sockets = open.sockets;
    this.#connections = open.connections;
  }

  static async before(databaseUrl: string): Promise<CountingProxy> {
    const url = new URL(databaseUrl);
    const { hostname, port } = url;
    const sockets = new Set<Socket>();
    const connections: StatementsOnTheWire[] = [];
    const server = createServer((client) => {
      const statements = new StatementsOnTheWire();
      connections.push(statements);
      const upstream = connect(Number(port), hostname);
      client.on('data', (chunk: Buffer) => statements.push(chunk));
      client.pipe(upstream).pipe(client);
      for (const socket of [client, upstream]) {
        sockets.add(socket);
        socket.once('close', () => {
          sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
        // Its end is all there is to know of a broken connection.
        socket.on('error', () => {});
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    // Where the benchmark fails, this is not to keep it from ending.
    server.unref();
    url.hostname = '127.0.0.1';
    url.port = String((server.address() as AddressInfo).port);
    return new CountingProxy(url.href, server, { sockets, connections });
  }

  /** Statements on all connections so far. */
  get statements(): number {
    return this.#connections.reduce((sum, { count }) => sum + count, 0);
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }
}

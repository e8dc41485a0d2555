import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A network in front of a server, which fails as a test tells it to. */
export interface TcpProxy {
  readonly port: number;
  /** Resets all connections that there are. New ones work. */
  cut(): void;
  /** Swallows from now on what is said on the connections that there are, without a word. New ones work. */
  silence(): void;
  /** Resets all connections, and new ones at once, until {@link mend}. */
  refuse(): void;
  mend(): void;
  close(): Promise<void>;
}

/** @param url of the PostgreSQL behind it */
export async function startTcpProxy(url: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const silences = new Map<Socket, () => void>();
  let refuses = false;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket.on('error', () => {}));
    return socket.once('close', () => sockets.delete(socket));
  };
  const proxy = createServer((client) => {
    keep(client);
    if (refuses) return void client.resetAndDestroy();
    const server = keep(connect(Number(port || 5432), hostname));
    client.pipe(server).pipe(client);
    silences.set(client, () => {
      client.unpipe(server).resume();
      server.unpipe(client).resume();
    });
    client.once('close', () => silences.delete(client));
    // Where the server cannot be reached, a client would else wait for it.
    server.once('close', () => client.destroy());
    client.once('close', () => server.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (proxy.address() as AddressInfo).port,
    cut,
    silence: () => {
      for (const silence of silences.values()) silence();
    },
    refuse: () => {
      refuses = true;
      cut();
    },
    mend: () => {
      refuses = false;
    },
    close: async () => {
      cut();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

/** The same address, through `proxy`. */
export function through(proxy: TcpProxy, url: string): string {
  const proxied = new URL(url);
  proxied.hostname = '127.0.0.1';
  proxied.port = String(proxy.port);
  return proxied.href;
}

import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a database on which it is seen what a client has it execute. */
export interface PostgresWire {
  readonly connectionString: string;
  /** The name of each prepared statement that was executed, the text of each other one, in order. */
  readonly executed: string[];
  close(): Promise<void>;
}

export async function tapPostgres(databaseUrl: string): Promise<PostgresWire> {
  const target = new URL(databaseUrl);
  const executed: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(target.port || 5432), target.hostname);
    const messages = new FrontendMessages(executed);
    client.on('data', (chunk) => messages.read(chunk));
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const tapped = new URL(databaseUrl);
  tapped.hostname = '127.0.0.1';
  tapped.port = String((server.address() as AddressInfo).port);
  return {
    connectionString: tapped.href,
    executed,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const INT = 4;
const [QUERY, PARSE, BIND, EXECUTE] = ['Q', 'P', 'B', 'E'];

/** Reads what one client sends (PostgreSQL, "Message Formats"). */
class FrontendMessages {
  readonly #executed: string[];
  /** The first message has no type. */
  #hasStarted = false;
  #unread = Buffer.alloc(0);
  #text = '';
  #bound = '';

  constructor(executed: string[]) {
    this.#executed = executed;
  }

  read(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    for (;;) {
      const typeBytes = this.#hasStarted ? 1 : 0;
      if (this.#unread.length < typeBytes + INT) return;
      const length = typeBytes + this.#unread.readInt32BE(typeBytes);
      if (this.#unread.length < length) return;
      const type = this.#unread.toString('latin1', 0, typeBytes);
      this.#take(type, this.#unread.toString('utf8', typeBytes + INT, length).split('\0'));
      this.#unread = this.#unread.subarray(length);
      this.#hasStarted = true;
    }
  }

  #take(type: string, [first = '', second = '']: string[]): void {
    if (type === QUERY) this.#executed.push(first);
    // Without a name it is executed at once.
    if (type === PARSE) this.#text = second;
    if (type === BIND) this.#bound = second === '' ? this.#text : second;
    if (type === EXECUTE) this.#executed.push(this.#bound);
  }
}

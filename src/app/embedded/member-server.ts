import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { type Hello, type Notice, onJsonLines, sendLine } from './membership-protocol.ts';
import type { Holder } from './supervisor-lock.ts';

type State = Notice extends infer N ? (N extends Notice ? Omit<N, 'proof'> : never) : never;

/** Where members connect. A connection is the membership: `kill -9` of a member closes it like a farewell. */
export class MemberServer {
  readonly #members = new Set<Socket>();
  readonly #secrets = { token: secret(), proof: secret() };
  readonly #server: Server;
  readonly #onEmpty: () => void;
  #state: State = { state: 'starting' };

  /** @param onEmpty called whenever the last member has gone */
  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty;
    this.#server = createServer({ noDelay: true }, (socket) => this.#welcome(socket));
  }

  get size(): number {
    return this.#members.size;
  }

  /** Listens on a free loopback port; resolves to what the lock tells about this process. */
  listen(): Promise<Holder> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: '127.0.0.1', port: 0, backlog: 511 }, () => {
        const address = this.#server.address();
        if (address === null || typeof address === 'string') return reject(new Error('no TCP address'));
        resolve({ pid: process.pid, port: address.port, ...this.#secrets });
      });
    });
  }

  /** Tells every member, and those to come, how things stand. */
  announce(state: State): void {
    this.#state = state;
    for (const member of this.#members) this.#tell(member);
  }

  /** Cuts off every member, so that each joins again and learns what has changed. */
  disconnect(): void {
    for (const member of this.#members) member.destroy();
  }

  #welcome(socket: Socket): void {
    socket.on('error', () => {}); // 'close' follows
    socket.once('close', () => {
      if (this.#members.delete(socket) && this.size === 0) this.#onEmpty();
    });
    onJsonLines(socket, (line) => {
      const hello = line as Hello;
      if (hello.token !== this.#secrets.token) return socket.destroy();
      if (hello.probe !== true) this.#members.add(socket);
      return this.#tell(socket);
    });
  }

  #tell(socket: Socket): void {
    sendLine(socket, { proof: this.#secrets.proof, ...this.#state } as Notice);
  }
}

function secret(): string {
  return randomBytes(24).toString('base64url');
}

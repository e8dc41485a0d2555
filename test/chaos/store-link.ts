import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** The way to the store that all instances take, and on which the store can be kept from them. */
export interface StoreLink {
  /** Where instances find the store. */
  readonly url: string;
  /** Keeps all bytes back, in both directions, as a store does that stands still. */
  pause(): void;
  resume(): void;
  /** Delays each piece in each direction by this, from now on. */
  delay(ms: number): void;
  /**
   * Keeps back all that the store says, until the next reset: what it is asked meanwhile happens, and nobody learns of
   * that.
   * @returns tells how many pieces it kept back so far
   */
  loseAnswers(): () => number;
  /** Breaks every connection. */
  reset(): void;
  close(): Promise<void>;
}

/** @param storeUrl with the port that the store listens on, over TCP and without TLS */
export async function startStoreLink(storeUrl: string): Promise<StoreLink> {
  const store = new URL(storeUrl);
  const sockets = new Set<Socket>();
  let gate = Promise.resolve();
  let open = (): void => {};
  let answerGate = Promise.resolve();
  let openAnswers = (): void => {};
  let delayMs = 0;
  let said = 0;
  const passage = async (): Promise<void> => {
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    await gate;
  };
  const server = createServer((client) => {
    const upstream = connect(Number(store.port), store.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket.setNoDelay(true));
      socket.on('close', () => sockets.delete(socket));
    }
    relay(client, upstream, passage);
    upstream.on('data', () => {
      said += 1;
    });
    relay(upstream, client, () => passage().then(() => answerGate));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(storeUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  const link: StoreLink = {
    url: url.href,
    pause: () => {
      gate = new Promise((resolve) => {
        open = resolve;
      });
    },
    resume: () => open(),
    delay: (ms) => {
      delayMs = ms;
    },
    loseAnswers: () => {
      answerGate = new Promise((resolve) => {
        openAnswers = resolve;
      });
      const before = said;
      return () => said - before;
    },
    reset: () => {
      for (const socket of sockets) socket.resetAndDestroy();
      answerGate = Promise.resolve();
      // Of connections that are no more: what was kept back goes nowhere.
      openAnswers();
    },
    close: async () => {
      open();
      link.reset();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return link;
}

/** Passes on what one side sends, piece by piece and in order. */
function relay(from: Socket, to: Socket, passage: () => Promise<void>): void {
  let last = Promise.resolve();
  const inTurn = (work: () => void): void => {
    last = last.then(passage).then(work);
  };
  from.on('data', (piece) => inTurn(() => to.writable && to.write(piece)));
  from.on('end', () => inTurn(() => to.end()));
  // Whoever broke off gets no answer, and the other side is told the same way.
  from.on('error', () => to.destroy());
}

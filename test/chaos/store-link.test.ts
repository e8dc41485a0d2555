import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../contract/fixtures.ts';
import { type StoreLink, startStoreLink } from './store-link.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A store that gives back what it gets, and a client's connection to it over a link. */
async function connected(): Promise<{
  link: StoreLink;
  socket: Socket;
  /** A connection past the link. */
  direct: Socket;
  received: () => string;
  /** What the store got. */
  asked: () => string;
}> {
  let asked = '';
  const echo = createServer((client) => {
    client.on('data', (piece) => {
      asked += String(piece);
    });
    client.on('error', () => {}).pipe(client);
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const storePort = (echo.address() as AddressInfo).port;
  const link = await startStoreLink(`postgres://user@127.0.0.1:${storePort}/db`);
  closers.push(
    () => echo.close(),
    () => link.close(),
  );
  const [socket, direct] = [connect(Number(new URL(link.url).port)), connect(storePort)];
  closers.push(
    () => socket.destroy(),
    () => direct.destroy(),
  );
  let received = '';
  socket.on('data', (piece) => {
    received += String(piece);
  });
  return { link, socket, direct, received: () => received, asked: () => asked };
}

describe('the link to the store', () => {
  // Catches: bytes that are lost or mixed up, which would make faults of the store that no store has.
  it('keeps back what comes in a pause, and passes it on in order afterwards', async () => {
    const { link, socket, direct, received } = await connected();
    socket.write('one ');
    await eventually(() => received() === 'one ', 'the first piece');
    link.pause();
    socket.write('two ');
    socket.write('three');
    // For as long as that takes past the link, and again.
    for (const piece of ['a', 'b']) {
      direct.write(piece);
      await once(direct, 'data');
    }
    expect(received()).toBe('one ');
    link.resume();
    await eventually(() => received() === 'one two three', 'all of it');
  });

  // Catches: answers that are only late, or a store that was never asked: then no write would be made unknown to all.
  it('has the store asked, and loses its answers with the connection', async () => {
    const { link, socket, received, asked } = await connected();
    const kept = link.loseAnswers();
    const broken = once(socket, 'error');
    socket.write('one');
    await eventually(() => asked() === 'one', 'the store has it');
    await eventually(() => kept() === 1, 'its answer');
    link.reset();
    await broken;
    expect(received()).toBe('');
    const again = connect(Number(new URL(link.url).port), '127.0.0.1');
    closers.push(() => again.destroy());
    again.write('two');
    expect(String((await once(again, 'data'))[0])).toBe('two');
  });

  // Catches: a reset that only one side learns of, or after which nobody can connect.
  it('breaks every connection, and takes new ones', async () => {
    const { link, socket } = await connected();
    socket.write('x');
    await once(socket, 'data');
    const broken = once(socket, 'error');
    link.reset();
    expect(String(await broken)).toContain('ECONNRESET');
    const again = connect(Number(new URL(link.url).port), '127.0.0.1');
    closers.push(() => again.destroy());
    again.write('y');
    expect(String((await once(again, 'data'))[0])).toBe('y');
  });
});

import { connect, type Socket } from 'node:net';
import { EngineUnavailable } from './errors.ts';
import { type Hello, type Notice, onJsonLines, sendLine } from './membership-protocol.ts';
import { isAlive } from './process-alive.ts';
import type { Holder } from './supervisor-lock.ts';

/** A connection to a supervisor whose engine is ready. */
export interface Connection {
  readonly ready: Extract<Notice, { state: 'ready' }>;
  readonly socket: Socket;
}

const SILENCE_MS = 1_000;

/**
 * Becomes a member: resolves when the engine is ready, or with `undefined` once the supervisor is gone
 * (one that is stopping is waited for, so that its successor never meets it).
 */
export function connectMember(
  holder: Holder,
  keepAlive: boolean,
  signal: AbortSignal,
): Promise<Connection | undefined> {
  return new Promise((resolve, reject) => {
    const socket = open(holder, { token: holder.token }, keepAlive);
    const abort = () => socket.destroy(signal.reason instanceof Error ? signal.reason : undefined);
    const settle = (end: () => void) => {
      signal.removeEventListener('abort', abort);
      end();
    };
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    onNotice(socket, holder, (notice) => {
      if (notice.state === 'ready') settle(() => resolve({ ready: notice, socket }));
      if (notice.state === 'failed') settle(() => reject(new EngineUnavailable(notice.message)));
    });
    socket.once('close', () => settle(() => (signal.aborted ? reject(signal.reason) : resolve(undefined))));
  });
}

/** Whether the holder of a turn still lives, in any state. */
export function answers(holder: Holder): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = open(holder, { token: holder.token, probe: true }, true);
    onNotice(socket, holder, () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('close', () => resolve(false));
  });
}

function open(holder: Holder, hello: Hello, keepAlive: boolean): Socket {
  const socket = connect({ host: '127.0.0.1', port: holder.port, noDelay: true });
  if (!keepAlive) socket.unref();
  socket.once('connect', () => sendLine(socket, hello));
  socket.on('error', () => {}); // 'close' follows, and says all there is to say
  return socket;
}

/** Passes on what the supervisor says, and drops a peer that is not it. */
function onNotice(socket: Socket, holder: Holder, onEach: (notice: Notice) => void): void {
  // A stopped or starved supervisor is silent too: only one without a process behind it is given up.
  const silence = setInterval(() => !isAlive(holder.pid) && socket.destroy(), SILENCE_MS).unref();
  socket.once('close', () => clearInterval(silence));
  onJsonLines(socket, (line) => {
    const notice = line as Notice;
    clearInterval(silence);
    if (notice.proof === holder.proof) onEach(notice);
    else socket.destroy();
  });
}

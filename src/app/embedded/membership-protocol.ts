import type { Socket } from 'node:net';

/** First line of a connection to the supervisor. A probe only asks whether it lives. */
export interface Hello {
  readonly token: string;
  readonly probe?: boolean;
}

/** What a supervisor says to a member, one JSON object a line; the first one comes at once. */
export type Notice = { readonly proof: string } & (
  | { readonly state: 'starting' }
  | { readonly state: 'ready'; readonly pid: number; readonly url: string; readonly adopted: boolean }
  | { readonly state: 'stopping' }
  | { readonly state: 'failed'; readonly message: string }
);

const MAX_LINE = 64 * 1024;

/** Calls back for each line that is a JSON object; a peer that sends anything else is cut off. */
export function onJsonLines(socket: Socket, onLine: (line: object) => void): void {
  let pending = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    pending += chunk;
    if (pending.length > MAX_LINE) socket.destroy();
    const lines = pending.split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) {
      try {
        const parsed: unknown = JSON.parse(line);
        if (typeof parsed !== 'object' || parsed === null) throw new TypeError('not an object');
        onLine(parsed);
      } catch {
        socket.destroy();
        return;
      }
    }
  });
}

/** Sends one line. */
export function sendLine(socket: Socket, line: Hello | Notice): void {
  socket.write(`${JSON.stringify(line)}\n`);
}

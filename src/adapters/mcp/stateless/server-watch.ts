import type { Server } from '@modelcontextprotocol/server';
import type { JsonRpcError } from '../jsonrpc.ts';
import { inPlainWords } from '../schema-error.ts';

/** How the SDK begins what it says where an answer could not be sent: the client gets none. */
const NOT_SENT = 'Failed to send response: ';
/** And where it did not take a request state: the client is told that the state is no good. */
const NOT_VERIFIED = 'requestState verification rejected ';

export interface ServerWatch {
  readonly onNotSent: (error: Error) => void;
  readonly onNotVerified: () => void;
}

/** Tells what the SDK tells the server's `onerror` and nobody else. The author's own `onerror` is told as before. */
export function watchServer(server: Server, { onNotSent, onNotVerified }: ServerWatch): void {
  const { onerror } = server;
  server.onerror = (error) => {
    if (error.message.startsWith(NOT_SENT)) onNotSent(error);
    if (error.message.startsWith(NOT_VERIFIED)) onNotVerified();
    onerror?.(error);
  };
}

/** Has the server say in words what of a request does not fit its schema. To be called before it is connected. */
export function answerInPlainWords(server: Server): void {
  const connect = server.connect.bind(server);
  server.connect = (transport) => {
    const send = transport.send.bind(transport);
    transport.send = (message, options) =>
      send('error' in message ? (inPlainWords(message as JsonRpcError) as typeof message) : message, options);
    return connect(transport);
  };
}

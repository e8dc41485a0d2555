import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server';

/**
 * What a server is connected to once its session has ended, or another server has taken its place. Handlers that
 * did not notice, and timers that an author forgot, go on sending: the SDK would reject with "Not connected", and
 * since few wait for what they notify of, that would end the process with all of its sessions.
 */
export class LooseEnd implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: NonNullable<Transport['onmessage']>;

  async start(): Promise<void> {}

  async send(message: JSONRPCMessage): Promise<void> {
    if ('method' in message && 'id' in message) {
      throw new Error(`${message.method}: this server’s session has ended, or another server serves it`);
    }
  }

  async close(): Promise<void> {
    this.onclose?.();
  }
}

/** A stream is broken off because too much waits for its client. Not in order: the client is to ask anew. */
export class ClientTooSlow extends Error {
  constructor() {
    super('the stream was broken off, because its client does not read it');
  }
}

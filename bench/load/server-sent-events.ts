/** One event, with what a client of the protocol looks at. */
export interface ServerSentEvent {
  readonly id: string | undefined;
  /** Empty for events that only prime the client with an id. */
  readonly data: string;
}

/** Takes a stream as it comes and gives its events as they are complete (HTML Standard, 9.2.6). */
export class ServerSentEvents {
  #rest = '';

  /** The events that this piece completes. Comments, and events with neither an id nor data, are none. */
  push(piece: string): readonly ServerSentEvent[] {
    const blocks = (this.#rest + piece).split(/\r?\n\r?\n/);
    this.#rest = blocks.pop() ?? '';
    return blocks.map(eventOf).filter(({ id, data }) => id !== undefined || data !== '');
  }
}

function eventOf(block: string): ServerSentEvent {
  let id: string | undefined;
  let data = '';
  for (const line of block.split(/\r?\n/)) {
    if (line.startsWith('data:')) data += fieldValue(line, 5);
    else if (line.startsWith('id:')) id = fieldValue(line, 3);
  }
  return { id, data };
}

function fieldValue(line: string, from: number): string {
  return line.slice(line[from] === ' ' ? from + 1 : from);
}

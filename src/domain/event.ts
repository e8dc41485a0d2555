/** One message of a stream, as the event log keeps it. */
export interface LoggedEvent {
  /** Place in its stream, from 1, without holes. */
  readonly sequence: number;
  /** JSON text, returned to the byte. */
  readonly data: string;
  /** True for the event that ended its stream: none can follow. */
  readonly end: boolean;
}

/** Events that a reader asked for but that were trimmed or have expired; both ends are included. */
export interface EventGap {
  readonly from: number;
  readonly to: number;
}

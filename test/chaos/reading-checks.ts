import { EVENTS_KEPT, gapOf, gapsIn, type ReadEvent, sequenceOf, withoutGaps } from './stream-events.ts';
import type { Reading } from './stream-records.ts';

/**
 * Whether each event is behind the one before it, over all connections: none came twice, none that was said to be
 * lost, and nothing is said to be lost that had come.
 */
export function placeProblems(events: readonly ReadEvent[]): string[] {
  const problems: string[] = [];
  let last = 0;
  for (const event of events) {
    const { id, data } = event;
    const gap = gapOf(event);
    const sequence = sequenceOf(event);
    if (gap !== undefined && (gap.from <= last || gap.to < gap.from))
      problems.push(`behind event ${last}, events ${gap.from} to ${gap.to} were said to be lost`);
    if (sequence === undefined) {
      if (data) problems.push(`a message without an id: ${data}`);
      continue;
    }
    if (gap === undefined && sequence <= last) problems.push(`event ${id} came behind event ${last}`);
    last = Math.max(last, sequence);
  }
  return problems;
}

/** Whether only what a stream need not keep was said to be lost. @param last the stream's last event */
export function keepingProblems(events: readonly ReadEvent[], last: number): string[] {
  return gapsIn(events)
    .filter(({ to }) => to > last - EVENTS_KEPT)
    .map(
      ({ from, to }) =>
        `events ${from} to ${to} were said to be lost, and there never came more than ${last}`,
    );
}

/** What is wrong about the way in which the reading of a stream ended that has an end. */
export function endProblems({ end, refusal, events }: Reading): string[] {
  switch (end) {
    case 'refused':
      return [`its resumption was refused: ${refusal}`];
    case 'finished':
      return ['it was said to be finished, and had no answer'];
    case 'open':
      return ['it never ended'];
    case 'ended without an id':
      return ['the service ended it, and gave no id to resume it with'];
    case 'not resumable':
      // What broke before anything came is the network's doing.
      return events.length === 0 ? [] : ['it broke after events that gave no id to resume it with'];
    case 'answered':
      return [];
  }
}

/**
 * Read once more from its first event, a stream holds the same: all but what either reading was told is lost. An event
 * is known again by what it says, since one that was stored twice has two places.
 */
export function replayProblems(reading: Reading, replay: Reading): string[] {
  const problems = placeProblems(replay.events);
  const start = sequenceOf(reading.events[0] ?? {}) ?? 0;
  const first = placesOf(reading.events, start);
  const again = placesOf(replay.events, start);
  const gaps = gapsIn(replay.events);
  const isLostAgain = (place: number): boolean => gaps.some(({ from, to }) => from <= place && place <= to);
  for (const [data, place] of first)
    if (!again.has(data) && !isLostAgain(place)) problems.push(`a replay lacks ${data}`);
  for (const [data, place] of again) {
    const before = first.get(data);
    if (before === undefined) {
      if (!isLeftOut(reading.events, place)) problems.push(`a replay has more: ${data}`);
    } else if (before !== place && !(before < place && isLostAgain(before)))
      problems.push(`a replay has at ${place} what was at ${before}: ${data}`);
  }
  const isSorted = [...again.keys()].filter((data) => first.has(data));
  const inOrder = [...first.keys()].filter((data) => again.has(data));
  if (isSorted.join('\n') !== inOrder.join('\n')) problems.push('a replay has another order');
  return problems;
}

export function eventLines(events: readonly ReadEvent[]): string[] {
  return events.map(({ id = '-', data = '' }) => `${id} ${data}`);
}

function isLeftOut(events: readonly ReadEvent[], place: number): boolean {
  return events.some((event) => {
    const { to = 0 } = gapOf(event) ?? {};
    return event.leftOutUpTo !== undefined && place > to && place <= event.leftOutUpTo;
  });
}

/** Where each message is that is behind an event. */
function placesOf(events: readonly ReadEvent[], after: number): ReadonlyMap<string, number> {
  return new Map(
    withoutGaps(events).flatMap((event) => {
      const place = sequenceOf(event) ?? 0;
      return event.data && place > after ? [[event.data, place] as const] : [];
    }),
  );
}

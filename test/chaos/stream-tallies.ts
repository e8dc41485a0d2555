import type { History } from './history.ts';
import { gapsIn } from './stream-events.ts';
import type { Reading } from './stream-records.ts';

/** Those that readers were told of, while there was more to come or when they read again what was over. */
export function gapsAnnouncedIn(history: History): number {
  const { calls, listenings } = history;
  const readings = [...calls, ...listenings].map(({ reading }) => reading);
  return [...readings, ...replaysIn(history)].reduce((sum, { events }) => sum + gapsIn(events).length, 0);
}

export function replaysIn({ calls, listenings }: History): readonly Reading[] {
  return [...calls.flatMap(({ replays }) => replays), ...listenings.map(({ replay }) => replay)];
}

export function resumptionsIn({ calls, listenings }: History): number {
  return [...calls, ...listenings].reduce((sum, { reading }) => sum + reading.resumptions, 0);
}

import type { ServiceFacts } from '../service-facts.ts';

/** One sentence for tool descriptions and instructions: how long state lasts. */
export function durability({ storage, lifetime }: ServiceFacts): string {
  const survives =
    storage === 'memory'
      ? 'Values are lost when the server restarts, and last no longer than'
      : 'Values survive restarts of the server, are the same on every instance, and last as long as';
  return (
    `${survives} the session: until ${duration(lifetime.idleMs)} after its last use, and at most ` +
    `${duration(lifetime.maxLifetimeMs)}.`
  );
}

function duration(ms: number): string {
  const seconds = ms / 1_000;
  for (const [unit, size] of [
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
  ] as const) {
    if (seconds >= size && seconds % size === 0) return amount(seconds / size, unit);
  }
  return amount(seconds, 'second');
}

function amount(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

import type { Charge } from '../support/capacity-meter.ts';

/** The values, or messages, that the costs are of: as long as this as JSON, in bytes. */
export const SIZES = [
  { label: '100 B', bytes: 100 },
  { label: '1 KB', bytes: 1_024 },
  { label: '10 KB', bytes: 10_240 },
] as const;

export interface Units {
  readonly readUnits: number;
  readonly writeUnits: number;
}

/** What one operation costs. */
export interface CostRow {
  readonly name: string;
  /** In words, such as `2 UpdateItem, PutItem`; the same for all sizes. */
  readonly requests: string;
  /** One for each of {@link SIZES}, or of those that were asked for. */
  readonly bySize: readonly Units[];
}

/** What an operation with this value is charged. */
export type Measure = (value: string) => Promise<readonly Charge[]>;

/** @throws Error if the number of requests depends on the size: the table has no place for that */
export async function rowOf(
  name: string,
  measure: Measure,
  sizes: readonly (typeof SIZES)[number][] = SIZES,
): Promise<CostRow> {
  const requests = new Set<string>();
  const bySize: Units[] = [];
  for (const { bytes } of sizes) {
    // Two bytes more with its quotes.
    const charges = await measure('x'.repeat(bytes - 2));
    requests.add(requestsOf(charges));
    bySize.push(unitsOf(charges));
  }
  if (requests.size > 1) throw new Error(`${name}: ${[...requests].join(' | ')}`);
  return { name, requests: [...requests].join(), bySize };
}

export function unitsOf(charges: readonly Charge[]): Units {
  const sum = (unit: keyof Units): number => charges.reduce((total, charge) => total + charge[unit], 0);
  return { readUnits: sum('readUnits'), writeUnits: sum('writeUnits') };
}

/** In the order of the alphabet: those that are sent together come in any. */
function requestsOf(charges: readonly Charge[]): string {
  const counts = new Map<string, number>();
  for (const { action } of charges) counts.set(action, (counts.get(action) ?? 0) + 1);
  return [...counts]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([action, count]) => (count === 1 ? action : `${count} ${action}`))
    .join(', ');
}

/**
 * What one key is, seen from outside: a register whose writes count versions from 1, also over deletions. Times are
 * of one clock; an operation took effect at some instant from `invokedAt` to `endedAt`, which is infinite where the
 * client never learned the outcome: then at any time since, or never.
 */
export type RegisterOperation = {
  readonly id: number;
  readonly invokedAt: number;
  readonly endedAt: number;
} & (
  | {
      readonly kind: 'write';
      readonly value: string;
      /** It was to fail unless the key was at this version; 0: unless it held nothing. */
      readonly expected?: number | undefined;
      /** The version that it made; `undefined` where the outcome is unknown. */
      readonly version: number | undefined;
    }
  | {
      readonly kind: 'delete';
      /** Whether there was something to delete; `undefined` where the outcome is unknown. */
      readonly deleted: boolean | undefined;
    }
  | {
      readonly kind: 'read';
      /** 0 for a key that held nothing. */
      readonly version: number;
      /** `undefined` where only the version was told. */
      readonly value: string | undefined;
    }
);

/** What is wrong with a history, and the operations that show it. */
export interface Finding {
  readonly what: string;
  readonly operations: readonly RegisterOperation[];
}

type Write = Extract<RegisterOperation, { kind: 'write' }>;

/**
 * The writes of a history with the versions that they made as far as anybody saw them: a value is written once, so
 * whoever read it also tells the version of a write whose client learned nothing.
 */
export interface VersionedWrites {
  readonly findings: readonly Finding[];
  /** The same operations, with the versions that became known. */
  readonly operations: readonly RegisterOperation[];
}

/** Gives each write its version, and finds what no order of the operations could explain. */
export function versionedWrites(operations: readonly RegisterOperation[]): VersionedWrites {
  const findings: Finding[] = [];
  const writes = new Map<string, Write>();
  for (const each of operations) if (each.kind === 'write') writes.set(each.value, each);
  const versions = new Map<Write, number>();
  for (const write of writes.values()) if (write.version !== undefined) versions.set(write, write.version);
  for (const read of operations) {
    if (read.kind !== 'read' || read.value === undefined) continue;
    const write = writes.get(read.value);
    if (write === undefined) {
      findings.push({ what: 'a value was read that nobody wrote to this key', operations: [read] });
      continue;
    }
    const version = versions.get(write) ?? read.version;
    versions.set(write, version);
    if (version === read.version) continue;
    findings.push({ what: 'a value was read at another version than its own', operations: [write, read] });
  }
  const byVersion = new Map<number, Write>();
  for (const [write, version] of versions) {
    const other = byVersion.get(version);
    byVersion.set(version, write);
    if (other !== undefined)
      findings.push({ what: 'two writes made one version', operations: [other, write] });
    if (write.expected !== undefined && write.expected !== 0 && version !== write.expected + 1)
      findings.push({ what: 'a write succeeded on another version than it expected', operations: [write] });
  }
  const known = operations.map((each) =>
    each.kind === 'write' ? { ...each, version: versions.get(each) } : each,
  );
  return { findings, operations: known };
}

/** Acknowledged writes that are gone at the end: neither they nor a later write or deletion explain `last`. */
export function lostWrites(
  operations: readonly RegisterOperation[],
  last: Extract<RegisterOperation, { kind: 'read' }>,
): readonly Finding[] {
  const newest = operations
    .filter((each) => each.kind === 'write')
    .filter(({ version, endedAt }) => version !== undefined && Number.isFinite(endedAt))
    .reduce<Write | undefined>((a, b) => ((a?.version ?? 0) > (b.version ?? 0) ? a : b), undefined);
  if (newest?.version === undefined || last.version >= newest.version) return [];
  const mayBeDeleted = operations.some(
    (each) => each.kind === 'delete' && each.deleted !== false && each.endedAt >= newest.invokedAt,
  );
  if (last.version === 0 && mayBeDeleted) return [];
  return [{ what: 'an acknowledged write is not read back', operations: [newest, last] }];
}

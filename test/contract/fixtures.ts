import { newSessionId, type Session, sessionRef } from '../../src/domain/session.ts';

/** Any instant; whole seconds, so that no store's time resolution matters. */
export const NOW = Date.UTC(2026, 6, 28, 12);

export const HOUR = 3_600_000;

/** A new session as the domain would open it at {@link NOW}, expiring in an hour and ending in a day. */
export function newSession(overrides: Partial<Session> = {}): Session {
  return {
    ref: sessionRef(newSessionId()),
    principal: undefined,
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { roots: { listChanged: true }, sampling: {} },
      clientInfo: { name: 'contract', version: '1.0.0' },
    },
    protocolVersion: '2025-11-25',
    logLevel: undefined,
    subscriptions: [],
    createdAt: NOW,
    lastSeenAt: NOW,
    expiresAt: NOW + HOUR,
    endsAt: NOW + 24 * HOUR,
    idleMs: undefined,
    version: 1,
    valueCount: 0,
    ...overrides,
  };
}

export const ROOM = { keys: 10_000, distinctKeys: 100_000 };

/** What became of `promises`: their values, and the errors of those that rejected. */
export async function outcomes<T>(
  promises: readonly Promise<T>[],
): Promise<{ values: T[]; errors: unknown[] }> {
  const settled = await Promise.allSettled(promises);
  return {
    values: settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])),
    errors: settled.flatMap((each) => (each.status === 'rejected' ? [each.reason] : [])),
  };
}

export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** Waits for `condition` by looking again and again; fails after `deadlineMs`. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs = 10_000,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

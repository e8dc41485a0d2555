import type { SessionLifetime } from '../domain/sessions.ts';

/** 24 hours unused, 30 days in all. */
export const DEFAULT_LIFETIME: SessionLifetime = {
  idleMs: 24 * 60 * 60 * 1_000,
  maxLifetimeMs: 30 * 24 * 60 * 60 * 1_000,
};

export const DEFAULT_BODY_BYTES = 4 * 1024 * 1024;

/** An hour. */
export const DEFAULT_EVENT_RETENTION_MS = 60 * 60 * 1_000;

/** How long a stop lets calls finish: what is left of 10 s is for closing up. */
export const FINISH_MS = 7_000;

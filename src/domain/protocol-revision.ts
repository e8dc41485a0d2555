/** The first revision without sessions, in which each request stands for itself. */
const FIRST_STATELESS = '2026-07-28';

/** Whether a revision of the protocol, or what is given out as one, has no sessions. Revisions are dates. */
export function isStatelessRevision(version: unknown): boolean {
  return typeof version === 'string' && /^\d{4}-\d\d-\d\d$/.test(version) && version >= FIRST_STATELESS;
}

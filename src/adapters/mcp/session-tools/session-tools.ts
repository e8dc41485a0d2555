import type { ServiceFacts } from '../service-facts.ts';
import { closeSession } from './close-session.ts';
import { listSessions } from './list-sessions.ts';
import { openSession } from './open-session.ts';
import type { StateTool } from './state-tool.ts';

/** Where a client gets its sessions from, and gives them back. Who is not known by name has none listed. */
export function sessionTools({ authenticates }: ServiceFacts): readonly StateTool[] {
  return authenticates ? [openSession, closeSession, listSessions] : [openSession, closeSession];
}

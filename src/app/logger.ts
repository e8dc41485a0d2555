import pino, { type DestinationStream, type Logger } from 'pino';

/**
 * As long as the id of a session, which is a bearer secret, or longer. Escapes are taken one by one, so that the letter
 * of one is not taken for the beginning of what follows it: what is left of it would be no JSON.
 */
const ESCAPE_OR_MAY_BE_ID = /\\(?:u[0-9a-fA-F]{4}|.)|[A-Za-z0-9_-]{43,}/g;

/**
 * Structured logs on stderr, written at once: what led to a crash must not sit in a buffer. Whatever may be the id of a
 * session is left out, also of what an author's errors say.
 */
export function createLogger(
  level: string,
  destination: DestinationStream = pino.destination({ dest: 2, sync: true }),
): Logger {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: brief },
      hooks: { streamWrite: (line) => line.replace(ESCAPE_OR_MAY_BE_ID, withoutId) },
    },
    destination,
  );
}

function withoutId(found: string): string {
  return found.startsWith('\\') ? found : '<hidden>';
}

/** An error without the fields that drivers attach, which may hold the data of a statement. */
function brief(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: brief(error.cause) }),
  };
}

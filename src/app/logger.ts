import pino, { type Logger } from 'pino';

/** Structured logs on stderr, written at once: what led to a crash must not sit in a buffer. */
export function createLogger(level: string): Logger {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: brief },
    },
    pino.destination({ dest: 2, sync: true }),
  );
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

/** An embedded engine cannot be had; the message says why and what a person can do about it. */
export class EngineUnavailable extends Error {
  override readonly name = 'EngineUnavailable';
}

/** The `code` of a system error such as `ENOENT`; `undefined` for anything else. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Names under which only this machine reaches itself, as URLs and `Host` headers have them. */
const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);

/** @param hostname in lower case, without a port */
export function isLoopbackName(hostname: string): boolean {
  return LOOPBACK_NAMES.has(hostname);
}

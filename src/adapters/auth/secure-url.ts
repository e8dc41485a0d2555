import { isLoopbackName } from '../../domain/loopback.ts';

/** Whether keys that come from there can be trusted: https, or http on this machine. No credentials, no fragment. */
export function isSecureUrl(text: string): boolean {
  if (!isHttpUrl(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || isLoopbackName(hostname);
}

/** Whether it is an http or https URL without credentials and without a fragment. */
export function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text) || text.includes('#')) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '';
}

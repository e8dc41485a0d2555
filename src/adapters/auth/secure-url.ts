import { isLoopbackName } from '../../domain/loopback.ts';

/** Whether keys that come from there can be trusted: https, or http on this machine. No credentials, no fragment. */
export function isSecureUrl(text: string): boolean {
  if (!isHttpUrl(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || isLoopbackName(hostname);
}

/** What a parser would put right, so that the text is not what a token says. */
const MISWRITTEN = /^\s|\s$|[\t\n\r\\#]|^(?!https?:\/\/)/i;

/** Whether it is an http or https URL without credentials and without a fragment. */
export function isHttpUrl(text: string): boolean {
  if (MISWRITTEN.test(text) || !URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '';
}

import { canonicalDigest } from '../../domain/canonical-json.ts';
import { isObject } from './jsonrpc.ts';

/**
 * What a request and its retry have in common, as a text: the method, the tool, prompt or resource, and a digest of
 * the arguments, whatever the order of their members. No arguments are the same as empty ones.
 *
 * @param params of the request; what else they hold, such as `_meta` and `requestState`, is of no account
 * @throws InvalidArgument naming `arguments`, if they are nested too deeply
 */
export function requestBinding(method: string, params: unknown): string {
  const { name, uri, arguments: args = {} } = isObject(params) ? params : {};
  return JSON.stringify([method, name ?? uri ?? null, canonicalDigest(args)]);
}

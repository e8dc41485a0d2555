import { isLoopbackName } from '../../domain/loopback.ts';
import { RequestRefused } from './errors.ts';

export interface Exposure {
  /** Further `Host` values that requests may carry: a name, or a name with a port. */
  readonly hosts: readonly string[];
  /** Further `Origin` values that requests may carry, such as `https://app.example.com`. */
  readonly origins: readonly string[];
}

/**
 * Refuses requests that a web page got a browser to send here under a name of its own (DNS rebinding), as the
 * transport demands (2025-11-25, Streamable HTTP, Security Warning). Loopback names are always allowed.
 *
 * @throws RequestRefused
 */
export function assertAddressedToUs(headers: Headers, exposure: Exposure): void {
  const host = headers.get('host')?.toLowerCase();
  if (host === undefined || !isAllowedHost(host, exposure)) {
    throw new RequestRefused(
      'host_not_allowed',
      'The Host header names a host that this server does not answer for. If it should, add it to ALLOWED_HOSTS (allowedHosts).',
    );
  }
  const origin = headers.get('origin')?.toLowerCase();
  if (origin !== undefined && !isAllowedOrigin(origin, exposure)) {
    throw new RequestRefused(
      'origin_not_allowed',
      'Requests from this Origin are not allowed. If they should be, add it to ALLOWED_ORIGINS (allowedOrigins).',
    );
  }
}

function isAllowedHost(host: string, { hosts }: Exposure): boolean {
  const name = host.replace(/:\d+$/, '');
  return isLoopbackName(name) || hosts.some((allowed) => allowed === host || allowed === name);
}

function isAllowedOrigin(origin: string, { origins }: Exposure): boolean {
  if (origins.includes(origin)) return true;
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && isLoopbackName(url.hostname);
}

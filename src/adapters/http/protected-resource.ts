import type { ErrorCode } from '../../domain/errors.ts';
import type { ProtectedResource } from '../../ports/authentication.ts';

/** Where the metadata is, of whichever resource. */
export const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** Where the metadata is found: with the resource's path behind the well-known one (RFC 9728 §3.1). */
export function resourceMetadataUrl({ url }: ProtectedResource): URL {
  const { origin, pathname } = new URL(url);
  return new URL(`${origin}${WELL_KNOWN}${pathname === '/' ? '' : pathname}`);
}

/** The paths at which clients look for the metadata of an endpoint at `/mcp`, and of one that a proxy has moved. */
export function resourceMetadataPaths(resource: ProtectedResource): readonly string[] {
  return [...new Set([WELL_KNOWN, `${WELL_KNOWN}/mcp`, resourceMetadataUrl(resource).pathname])];
}

/** The metadata (RFC 9728 §2). It is the same for all, and holds nothing of the request. */
export function resourceMetadataResponse({ url, issuer, scopes }: ProtectedResource): Response {
  return Response.json({
    resource: url,
    authorization_servers: [issuer],
    ...(scopes.length === 0 ? {} : { scopes_supported: scopes }),
    bearer_methods_supported: ['header'],
  });
}

/**
 * What a client without good credentials is told in `WWW-Authenticate` (RFC 6750 §3, RFC 9728 §5.1); `undefined` for
 * errors of another kind. Who sent no token has made no mistake, and is told of none.
 */
export function challengeOf(
  { code, message }: { readonly code: ErrorCode; readonly message: string },
  resource: ProtectedResource,
): string | undefined {
  if (code !== 'token_required' && code !== 'invalid_token' && code !== 'insufficient_scope')
    return undefined;
  const parameters = {
    resource_metadata: resourceMetadataUrl(resource).href,
    ...(code === 'token_required' ? {} : { error: code, error_description: message }),
    ...(resource.scopes.length === 0 ? {} : { scope: resource.scopes.join(' ') }),
  };
  return `Bearer ${Object.entries(parameters)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')}`;
}

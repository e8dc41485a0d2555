import { isSecureUrl } from './secure-url.ts';

/**
 * Where an issuer says that its keys are: its metadata, looked for in the places and in the order of the MCP
 * specification (2025-11-25, Authorization Server Metadata Discovery).
 * @throws Error that says what was found in each place
 */
export async function discoverJwksUrl(issuer: string, signal: AbortSignal): Promise<string> {
  const problems: string[] = [];
  for (const url of metadataUrls(issuer)) {
    try {
      return jwksUrlOf(await metadataAt(url, signal), issuer);
    } catch (error) {
      problems.push(`${url}: ${reasonOf(error)}`);
    }
  }
  throw new Error(`no metadata of the issuer: ${problems.join('; ')}`);
}

function metadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const inserted = ['oauth-authorization-server', 'openid-configuration'].map(
    (name) => `${origin}/.well-known/${name}${path}`,
  );
  return path === '' ? inserted : [...inserted, `${origin}${path}/.well-known/openid-configuration`];
}

async function metadataAt(url: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(url, { signal, redirect: 'manual', headers: { Accept: 'application/json' } });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`status ${response.status}`);
  }
  const metadata: unknown = await response.json();
  return typeof metadata === 'object' && metadata !== null ? { ...metadata } : {};
}

/** Whoever can publish metadata for another issuer could have tokens of their own accepted (RFC 8414 §3.3). */
function jwksUrlOf(metadata: Readonly<Record<string, unknown>>, issuer: string): string {
  if (metadata['issuer'] !== issuer) throw new Error('is of another issuer');
  const { jwks_uri: url } = metadata;
  if (typeof url !== 'string' || !isSecureUrl(url)) throw new Error('names no jwks_uri with https');
  return url;
}

/** What fetch itself says is always that it failed. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message || message : message;
}

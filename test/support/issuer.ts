import { createServer, type RequestListener } from 'node:http';
import { exportJWK, generateKeyPair, importJWK, type JWK, type JWTPayload, SignJWT } from 'jose';
import type { Provider } from 'oidc-provider';
import { closeWithConnections, listenLocally } from './local-server.ts';

export const AUDIENCE = 'https://mcp.example.com/mcp';
export const SCOPES = ['mcp:use', 'mcp:write'];
/** Of each of its clients. */
export const CLIENT_SECRET = 'a secret of the clients of a test';

/** An authorization server on this machine: `oidc-provider`, whose clients are the subjects of its tokens. */
export interface Issuer {
  /** Its name, and where it is. */
  readonly url: string;
  readonly jwksUrl: string;
  /** The paths that were asked for, in order. */
  readonly requests: string[];
  /** A token that the provider itself issues to one of its clients, `alice` or `bob`. */
  token(subject: string, scope?: string): Promise<string>;
  /** A token signed with the key that the provider publishes. A claim that is `undefined` is left out. */
  mint(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  /** The public key that it publishes. */
  publicKey(): JWK;
  /** From now on it signs with another key and publishes that one alone, or beside the old one. */
  rotate(options?: { readonly keepOld?: boolean }): Promise<void>;
  /** Refuses connections until {@link start}. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function startIssuer(): Promise<Issuer> {
  let answer: RequestListener = () => {};
  const requests: string[] = [];
  const listener: RequestListener = (request, response) => {
    requests.push(request.url as string);
    answer(request, response);
  };
  let server = createServer(listener);
  let port = 0;
  const start = async (): Promise<void> => {
    server = createServer(listener);
    port = Number(new URL(await listenLocally(server, port)).port);
  };
  await start();
  const url = `http://127.0.0.1:${port}`;
  let keys: JWK[] = [];
  const rotate = async ({ keepOld = false } = {}): Promise<void> => {
    keys = [await newKey(), ...(keepOld ? keys : [])];
    answer = (await newProvider(url, keys)).callback();
  };
  await rotate();
  return {
    url,
    jwksUrl: `${url}/jwks`,
    requests,
    token: async (subject, scope = SCOPES.join(' ')) => {
      const response = await fetch(`${url}/token`, {
        method: 'POST',
        headers: { Authorization: `Basic ${btoa(`${subject}:${encodeURIComponent(CLIENT_SECRET)}`)}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource: AUDIENCE, scope }),
      });
      const { access_token, ...rest } = (await response.json()) as { readonly access_token?: string };
      if (access_token === undefined) throw new Error(JSON.stringify(rest));
      return access_token;
    },
    mint: async (claims = {}, header = {}) => {
      const [key] = keys as [JWK];
      const now = Math.floor(Date.now() / 1_000);
      const all = {
        iss: url,
        aud: AUDIENCE,
        sub: 'alice',
        scope: SCOPES.join(' '),
        exp: now + 60,
        ...claims,
      };
      const given = Object.entries(all).filter(([, value]) => value !== undefined);
      return new SignJWT(Object.fromEntries(given) as JWTPayload)
        .setProtectedHeader({ alg: 'ES256', kid: key.kid as string, ...header })
        .sign(await importJWK(key, 'ES256'));
    },
    publicKey: () => {
      const { d: _, ...publicKey } = keys[0] as JWK;
      return publicKey;
    },
    rotate,
    stop: async () => {
      if (!server.listening) return;
      await closeWithConnections(server);
    },
    start,
  };
}

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: crypto.randomUUID() };
}

async function newProvider(url: string, keys: readonly JWK[]): Promise<Provider> {
  const configuration = {
    jwks: { keys },
    ttl: { ClientCredentials: 60 },
    clients: ['alice', 'bob'].map((subject) => ({
      client_id: subject,
      client_secret: CLIENT_SECRET,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: 'ES256',
    })),
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: SCOPES.join(' '),
          audience: AUDIENCE,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 60,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  };
  return quietly(async () => new (await import('oidc-provider')).Provider(url, configuration));
}

/** It warns of the oldest Node that this project supports, where it works, and of what is for tests alone. */
async function quietly<T>(load: () => Promise<T>): Promise<T> {
  const { warn } = console;
  console.warn = () => {};
  try {
    return await load();
  } finally {
    console.warn = warn;
  }
}

import { createHmac } from 'node:crypto';
import { exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUDIENCE, type Issuer, SCOPES, startIssuer } from '../support/issuer.ts';
import { initializeMessage, post, type TestService, testService } from '../support/service.ts';

let issuer: Issuer;
let service: TestService;

beforeAll(async () => {
  issuer = await startIssuer();
  service = testService({
    environment: {
      AUTH_ISSUER: issuer.url,
      AUTH_AUDIENCE: AUDIENCE,
      AUTH_REQUIRED_SCOPES: SCOPES.join(' '),
    },
  });
});
afterAll(async () => {
  await service.service.mcp.close();
  await issuer.stop();
});

const METADATA = 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp';

async function send(authorization: string | undefined, path = '/mcp') {
  const response = await service.request(
    path,
    post(initializeMessage(), authorization === undefined ? {} : { Authorization: authorization }),
  );
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    body: (await response.json()) as { readonly error: { readonly message: string; readonly data: unknown } },
  };
}

async function problemWith(token: string): Promise<string> {
  const { status, challenge, body } = await send(`Bearer ${token}`);
  expect(status).toBe(401);
  const description = body.error.message;
  expect(challenge).toBe(
    `Bearer resource_metadata="${METADATA}", error="invalid_token", ` +
      `error_description="${description}", scope="${SCOPES.join(' ')}"`,
  );
  expect(body.error.data).toEqual({ reason: 'invalid_token' });
  return description;
}

const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;

describe('a token', () => {
  it('of the provider is taken, also under a scheme in other letters', async () => {
    const token = await issuer.token('alice');
    expect(await send(`Bearer ${token}`)).toMatchObject({ status: 200, challenge: null });
    expect(await send(`bEaReR   ${token}`)).toMatchObject({ status: 200 });
  });

  it.each([
    ['scope as a string', () => ({ scope: 'other mcp:write mcp:use' })],
    ['scp as an array', () => ({ scope: undefined, scp: [...SCOPES, 'other'] })],
    ['scp as a string', () => ({ scope: undefined, scp: SCOPES.join(' ') })],
    ['several audiences', () => ({ aud: ['https://other.example', AUDIENCE] })],
    ['an end that is within the tolerance', () => ({ exp: inSeconds(-2) })],
    ['a begin that is within the tolerance', () => ({ nbf: inSeconds(3) })],
  ])('with %s is taken', async (_what, claims) => {
    expect(await send(`Bearer ${await issuer.mint(claims())}`)).toMatchObject({ status: 200 });
  });

  // Catches: a check that is left out, each by itself.
  it.each([
    ['has expired', { exp: inSeconds(-10) }],
    ['does not say when it expires', { exp: undefined }],
    ['does not say when it expires', { exp: 'tomorrow' }],
    ['is not valid yet', { nbf: inSeconds(3_600) }],
    ['is for another audience', { aud: 'https://mcp.example.com/mcp/' }],
    ['is for another audience', { aud: undefined }],
    ['is of another issuer', { iss: 'https://mcp.example.com' }],
    ['is of another issuer', { iss: undefined }],
    ['does not say who its subject is', { sub: undefined }],
    ['does not say who its subject is', { sub: '' }],
    ['does not say who its subject is', { sub: 7 }],
    ['names a subject that cannot be kept', { sub: 'x'.repeat(2_048) }],
    ['names a subject that cannot be kept', { sub: 'nul\0' }],
  ])('that %s is refused (%j)', async (problem, claims) => {
    expect(await problemWith(await issuer.mint(claims))).toBe(`The access token ${problem}.`);
  });

  const UNSIGNED =
    'The access token is not signed with a key of its issuer, by an algorithm that is accepted.';

  // Catches: a signature that is not checked, an algorithm that the token chooses, and a public key that is taken
  // for a secret.
  it('that the issuer has not signed is refused', async () => {
    const good = await issuer.mint();
    const [header = '', payload = '', signature = ''] = good.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const { kid } = issuer.publicKey();
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'bob' })).toString('base64url');
    expect(await problemWith(`${header}.${forged}.${signature}`)).toBe(UNSIGNED);

    const { privateKey } = await generateKeyPair('ES256');
    const ofAnother = new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: kid as string });
    expect(await problemWith(await ofAnother.sign(privateKey))).toBe(UNSIGNED);

    const publicKey = await importJWK(issuer.publicKey(), 'ES256', { extractable: true });
    for (const secret of [
      await exportSPKI(publicKey as Parameters<typeof exportSPKI>[0]),
      JSON.stringify(issuer.publicKey()),
    ]) {
      const head = Buffer.from(JSON.stringify({ alg: 'HS256', kid })).toString('base64url');
      const mac = createHmac('sha256', secret).update(`${head}.${payload}`).digest('base64url');
      expect(await problemWith(`${head}.${payload}.${mac}`)).toBe(UNSIGNED);
    }
    expect(await problemWith(new UnsecuredJWT(claims).encode())).toBe(UNSIGNED);
  });

  it.each([
    'x',
    'a.b',
    'a.b.c',
    'e30.e30.',
    '..',
    `${'A'.repeat(9_000)}.e30.e30`,
    'W10.W10.W10',
    'bnVsbA.e30.e30',
  ])('that is none is refused (%s)', async (token) => {
    expect(await problemWith(token)).toMatch(/^The access token is /);
  });

  it('that cannot be one is malformed', async () => {
    for (const authorization of ['Bearer', 'Bearer a b', 'Bearer "x"', 'Bearer a, Bearer b']) {
      expect(await send(authorization)).toMatchObject({
        status: 401,
        challenge: expect.stringContaining('error="invalid_token"'),
      });
    }
  });

  // RFC 6750 §3.1. Catches: a client that is told to throw away a token that it never sent.
  it('that is missing is asked for, without a word of an error', async () => {
    const token = await issuer.mint();
    for (const [authorization, path] of [
      [undefined, '/mcp'],
      ['Basic YTpi', '/mcp'],
      [undefined, `/mcp?access_token=${token}`],
    ] as const) {
      const { status, challenge, body } = await send(authorization, path);
      expect(status).toBe(401);
      expect(challenge).toBe(`Bearer resource_metadata="${METADATA}", scope="${SCOPES.join(' ')}"`);
      expect(body.error.data).toEqual({ reason: 'token_required' });
    }
  });

  // Catches: one scope of two that is enough, and one that is found within another's name.
  it.each([
    { scope: 'mcp:use' },
    { scope: 'mcp:use mcp:writer' },
    { scope: undefined },
    { scope: 7 },
    { scp: {} },
  ])('that lacks a scope is good, but not enough (%j)', async (claims) => {
    const { status, challenge } = await send(`Bearer ${await issuer.mint({ scope: undefined, ...claims })}`);
    expect(status).toBe(403);
    expect(challenge).toBe(
      `Bearer resource_metadata="${METADATA}", error="insufficient_scope", ` +
        'error_description="The access token lacks a scope: required is mcp:use mcp:write.", ' +
        'scope="mcp:use mcp:write"',
    );
  });
});

describe('the metadata of the resource', () => {
  it('is served where clients look for it, to whoever asks', async () => {
    for (const path of ['', '/mcp']) {
      const response = await service.request(`/.well-known/oauth-protected-resource${path}`);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({
        resource: AUDIENCE,
        authorization_servers: [issuer.url],
        scopes_supported: SCOPES,
        bearer_methods_supported: ['header'],
      });
    }
    expect((await service.request('/.well-known/oauth-protected-resource/other')).status).toBe(404);
  });

  // Catches: a document and a challenge that say what the request's Host header says.
  it('names what was configured, whatever the request says', async () => {
    const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example' };
    const metadata = await service.request('/.well-known/oauth-protected-resource', { headers });
    expect(await metadata.text()).not.toContain('evil');
    expect((await service.request('/mcp', { headers })).status).toBe(403);
    const own = await service.request('/mcp', { headers: { host: 'mcp.example.com' } });
    expect(own.status).toBe(401);
    expect(own.headers.get('www-authenticate')).toContain(`"${METADATA}"`);
  });

  // Catches: a path that is compared once decoded, or taken for a pattern.
  it.each(['/caf%C3%A9/mcp', '/a b/mcp', '/:tenant/mcp', '/*', '/base/mcp/', '/'])(
    'is where the challenge says, and not elsewhere: an endpoint at %s',
    async (path) => {
      const url = `https://mcp.example.com${path}`;
      const at = testService({
        environment: { AUTH_ISSUER: issuer.url, AUTH_AUDIENCE: AUDIENCE, AUTH_RESOURCE: url },
      });
      const challenge = (await at.request('/mcp', { method: 'POST' })).headers.get('www-authenticate') ?? '';
      const [, metadata = ''] = /resource_metadata="([^"]+)"/.exec(challenge) ?? [];
      const response = await at.request(new URL(metadata).pathname);
      expect(await response.json()).toMatchObject({ resource: url });
      expect((await at.request('/.well-known/oauth-protected-resource/other')).status).toBe(404);
      await at.service.mcp.close();
    },
  );

  it('is not there without authentication', async () => {
    const open = testService();
    expect((await open.request('/.well-known/oauth-protected-resource')).status).toBe(404);
    expect(open.service.mcp.resourceMetadata().status).toBe(404);
    expect(await service.service.mcp.resourceMetadata().json()).toMatchObject({ resource: AUDIENCE });
    await open.service.mcp.close();
  });
});

describe('a request without a good token', () => {
  // Catches: a method, or a probe of a page of elsewhere, that is looked at before it is known who asks.
  it('is refused whatever it asks for, after Host and Origin and before all else', async () => {
    for (const method of ['GET', 'DELETE', 'PUT', 'POST']) {
      expect((await service.request('/mcp', { method })).status).toBe(401);
    }
    const foreign = post('not JSON', { Origin: 'https://evil.example' });
    expect((await service.request('/mcp', foreign)).status).toBe(403);
    expect((await service.request('/mcp', post('not JSON'))).status).toBe(401);
  });
});

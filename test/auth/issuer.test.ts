import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { jwtAuthentication } from '../../src/adapters/auth/jwt-authentication.ts';
import type { JwtAuthenticationOptions } from '../../src/adapters/auth/jwt-options.ts';
import { InvalidToken, IssuerUnavailable } from '../../src/domain/errors.ts';
import { AUDIENCE, type Issuer, startIssuer } from '../support/issuer.ts';
import { initializeMessage, post, type TestService, testService } from '../support/service.ts';

/** Only the date: connections go by the machine's time. */
const pass = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1_000);

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

async function newIssuer(): Promise<Issuer> {
  const issuer = await startIssuer();
  onTestFinished(() => issuer.stop());
  return issuer;
}

/** Says whom a token names. */
function verifier(options: Pick<JwtAuthenticationOptions, 'issuer' | 'jwksUrl'>) {
  const errors: Error[] = [];
  const authentication = jwtAuthentication({
    ...options,
    audience: AUDIENCE,
    onError: (error) => errors.push(error),
  });
  const subjectOf = async (token: string): Promise<string | undefined> => {
    const headers = { Authorization: `Bearer ${token}` };
    return (await authentication.principalOf(new Request('http://localhost/mcp', { headers })))?.subject;
  };
  return { subjectOf, errors };
}

describe('keys of an issuer', () => {
  // Catches: keys that are fetched once, or with every request, and a withdrawn key that is taken for ever.
  it('are fetched once, and again for a token of a new key, without a restart', async () => {
    const issuer = await newIssuer();
    const { subjectOf } = verifier({ issuer: issuer.url });
    const fetches = () => issuer.requests.filter((path) => path === '/jwks').length;
    const old = await issuer.mint({ exp: Math.floor(Date.now() / 1_000) + 10_000 });
    await Promise.all([1, 2, 3].map(() => subjectOf(old)));
    expect(await subjectOf(await issuer.token('bob'))).toBe('bob');
    expect(fetches()).toBe(1);

    await issuer.rotate({ keepOld: true });
    pass(6);
    expect(await subjectOf(await issuer.token('alice'))).toBe('alice');
    expect(await subjectOf(old)).toBe('alice');
    expect(fetches()).toBe(2);

    await issuer.rotate();
    pass(601);
    await expect(subjectOf(old)).rejects.toThrow(InvalidToken);
    expect(await subjectOf(await issuer.token('alice'))).toBe('alice');
    // Where they are was found out once.
    expect(issuer.requests.filter((path) => path.startsWith('/.well-known'))).toHaveLength(1);
  });

  // Catches: an issuer that whoever invents key ids can have asked without end.
  it('are fetched at most every 5 s, whatever keys tokens name', async () => {
    const issuer = await newIssuer();
    const { subjectOf } = verifier({ issuer: issuer.url, jwksUrl: issuer.jwksUrl });
    for (let count = 1; count <= 20; count += 1) {
      const token = await issuer.mint({}, { kid: `made up ${count}` });
      await expect(subjectOf(token)).rejects.toThrow(InvalidToken);
    }
    expect(issuer.requests).toEqual(['/jwks']);
    pass(6);
    await expect(subjectOf(await issuer.mint({}, { kid: 'made up' }))).rejects.toThrow(InvalidToken);
    expect(issuer.requests).toEqual(['/jwks', '/jwks']);
  });

  it('are tried in turn where a token names none of them', async () => {
    const issuer = await newIssuer();
    await issuer.rotate({ keepOld: true });
    const { subjectOf } = verifier({ issuer: issuer.url });
    const token = await issuer.mint({}, { kid: undefined });
    expect(await subjectOf(token)).toBe('alice');
    const expired = await issuer.mint({ exp: 1 }, { kid: undefined });
    await expect(subjectOf(expired)).rejects.toThrow('has expired');
    await issuer.rotate();
    await expect(subjectOf(await issuer.mint({}, { kid: undefined }))).rejects.toThrow('is not signed');
  });
});

describe('a key of the issuer that nothing can be verified with', () => {
  const published = (key: KeyObject): object => key.export({ format: 'jwk' });
  const short = generateKeyPairSync('rsa', { modulusLength: 1_024 });

  // Catches: a 500 and a line in the log for whoever names such a key, and good tokens that fail because of it.
  it.each([
    ['too short', { ...published(short.publicKey), kid: 'it' }, 'RS256'],
    ['without its numbers', { kty: 'RSA', kid: 'it' }, 'RS256'],
    ['broken', { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'it' }, 'ES256'],
    ['private', { ...published(short.privateKey), kid: 'it' }, 'RS256'],
    ['no object', 'it', 'ES256'],
  ])('is as none: %s', async (_what, key, alg) => {
    const { privateKey, publicKey } =
      alg === 'ES256'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const keys = [key, { ...published(publicKey), kid: 'good' }];
    const server = createServer((_, response) => void response.end(JSON.stringify({ keys })));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { subjectOf, errors } = verifier({ issuer, jwksUrl: issuer });
    const signed = (kid?: string): Promise<string> =>
      new SignJWT({ iss: issuer, aud: AUDIENCE, sub: 'alice' })
        .setExpirationTime('1m')
        .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
        .sign(privateKey);
    expect(await subjectOf(await signed('good'))).toBe('alice');
    expect(await subjectOf(await signed())).toBe('alice');
    await expect(subjectOf(await signed('it'))).rejects.toThrow(InvalidToken);
    expect(errors).toEqual([]);
  });
});

describe('a key of the issuer', () => {
  // Catches: jose's failure to import such a key, which is taken for an issuer that is down: 503 for its tokens, and
  // for all others when the keys are due to be fetched again.
  it('is taken that is said to be for what only its private part is for, too', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = { ...publicKey.export({ format: 'jwk' }), kid: 'it', key_ops: ['sign', 'verify'] };
    const server = createServer((_, response) => void response.end(JSON.stringify({ keys: [key] })));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { subjectOf, errors } = verifier({ issuer, jwksUrl: issuer });
    const token = await new SignJWT({ iss: issuer, aud: AUDIENCE, sub: 'alice' })
      .setExpirationTime('1m')
      .setProtectedHeader({ alg: 'ES256', kid: 'it' })
      .sign(privateKey);
    expect(await subjectOf(token)).toBe('alice');
    expect(errors).toEqual([]);
  });
});

describe('an issuer that is down', () => {
  const statusOf = async ({ request }: TestService, token: string): Promise<number> =>
    (await request('/mcp', post(initializeMessage(), { Authorization: `Bearer ${token}` }))).status;

  // Catches: 401, for which clients throw away a token that is good; a crash; a failure that is kept; and an issuer
  // that comes up again under a storm of requests.
  it('is no fault of the token: 503 for now, told to the log, and over by itself', async () => {
    const issuer = await newIssuer();
    const service = testService({ environment: { AUTH_ISSUER: issuer.url, AUTH_AUDIENCE: AUDIENCE } });
    const token = await issuer.mint();
    await issuer.stop();
    const response = await service.request(
      '/mcp',
      post(initializeMessage(), { Authorization: `Bearer ${token}` }),
    );
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(response.headers.get('www-authenticate')).toBeNull();
    expect(await response.json()).toMatchObject({ error: { data: { reason: 'issuer_unavailable' } } });
    expect(await Promise.all([1, 2, 3, 4].map(() => statusOf(service, token)))).toEqual([503, 503, 503, 503]);
    const lines = service.logs.filter((line) => line.includes('issuer'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('ECONNREFUSED');

    await issuer.start();
    pass(2);
    expect(await statusOf(service, token)).toBe(200);

    // Whose key is known is let in meanwhile, for as long as a withdrawn key would be.
    await issuer.stop();
    pass(30);
    expect(await statusOf(service, await issuer.mint())).toBe(200);
    const unknown = await issuer.mint({}, { kid: 'perhaps a new one' });
    expect(await statusOf(service, unknown)).toBe(503);
    expect(await statusOf(service, await issuer.mint())).toBe(200);
    pass(600);
    expect(await statusOf(service, await issuer.mint())).toBe(503);
    await service.service.mcp.close();
  });

  // Catches: an issuer that gets each request that comes in while it recovers, and one whose keys have moved meanwhile.
  it('is asked at most once a second, and where its keys are then', async () => {
    let place = '/old';
    const asked: string[] = [];
    const issuer = await newIssuer();
    const keys = [issuer.publicKey()];
    const server = createServer(({ url = '' }, response) => {
      asked.push(url);
      if (url === '/old') response.writeHead(500).end();
      else response.end(JSON.stringify({ issuer: origin, jwks_uri: `${origin}${place}`, keys }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { subjectOf } = verifier({ issuer: origin });
    const token = await issuer.mint({ iss: origin });
    for (let count = 0; count < 5; count += 1) {
      await expect(subjectOf(token)).rejects.toThrow(IssuerUnavailable);
    }
    expect(asked).toEqual(['/.well-known/oauth-authorization-server', '/old']);
    place = '/new';
    pass(2);
    expect(await subjectOf(token)).toBe('alice');
  });

  it('is not waited for without end', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    onTestFinished(() => {
      silent.closeAllConnections();
      silent.close();
    });
    const { timeout } = AbortSignal;
    const asked = vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => timeout.call(AbortSignal, 50));
    onTestFinished(() => void asked.mockRestore());
    const issuer = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    for (const jwksUrl of [undefined, `${issuer}/jwks`]) {
      const { subjectOf, errors } = verifier({ issuer, jwksUrl });
      const { mint } = await newIssuer();
      await expect(subjectOf(await mint({ iss: issuer }))).rejects.toThrow(IssuerUnavailable);
      expect(errors).toHaveLength(1);
      expect(asked).toHaveBeenLastCalledWith(5_000);
    }
  });
});

describe('the metadata of an issuer', () => {
  /** A server of documents, some of which stand for an issuer at `/tenant`. */
  async function documents(make: (origin: string) => Record<string, unknown>): Promise<string> {
    const server = createServer(({ url = '' }, response) => {
      const document = make(origin())[url];
      if (typeof document === 'string') response.writeHead(302, { Location: document }).end();
      else response.writeHead(document === undefined ? 404 : 200).end(JSON.stringify(document));
    }).listen(0, '127.0.0.1');
    const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    return origin();
  }

  const AT = [
    '/.well-known/oauth-authorization-server/tenant',
    '/.well-known/openid-configuration/tenant',
    '/tenant/.well-known/openid-configuration',
  ];

  it.each(AT)('is found at %s', async (path) => {
    const { jwksUrl, mint } = await newIssuer();
    const origin = await documents((own) => ({ [path]: { issuer: `${own}/tenant`, jwks_uri: jwksUrl } }));
    const { subjectOf } = verifier({ issuer: `${origin}/tenant` });
    expect(await subjectOf(await mint({ iss: `${origin}/tenant` }))).toBe('alice');
  });

  // Catches: keys of whoever can put a document where the issuer's metadata is looked for, or is on the way.
  it.each([
    ['of another issuer', { issuer: 'https://other.example' }],
    ['of its issuer by another spelling', { issuer: 'SELF/' }],
    ['with keys that come in the clear', { issuer: 'SELF', jwks_uri: 'http://keys.example/jwks' }],
    ['without keys', { issuer: 'SELF', jwks_uri: undefined }],
    ['behind a redirect', undefined],
    ['that is no object', null],
  ])('%s is not taken', async (_what, overrides) => {
    const { jwksUrl, mint } = await newIssuer();
    const origin = await documents((own) => {
      const good = { issuer: own, jwks_uri: jwksUrl };
      const text = JSON.stringify({ ...good, ...overrides }).replace('SELF', own);
      const first = overrides === undefined ? `${own}/moved` : overrides && JSON.parse(text);
      return { '/.well-known/oauth-authorization-server': first, '/moved': good };
    });
    const { subjectOf, errors } = verifier({ issuer: origin });
    await expect(subjectOf(await mint({ iss: origin }))).rejects.toThrow(IssuerUnavailable);
    expect(errors).toMatchObject([{ cause: { message: expect.stringContaining('no metadata') } }]);
  });

  it.each([{}, { keys: 'none' }, []])('may lead to what is no set of keys: %j', async (keys) => {
    const { mint } = await newIssuer();
    const origin = await documents(() => ({ '/jwks': keys }));
    const { subjectOf, errors } = verifier({ issuer: origin, jwksUrl: `${origin}/jwks` });
    for (const _ of [1, 2]) {
      await expect(subjectOf(await mint({ iss: origin }))).rejects.toThrow(IssuerUnavailable);
    }
    expect(errors).toHaveLength(1);
  });
});

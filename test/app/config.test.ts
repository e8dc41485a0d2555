import { describe, expect, it } from 'vitest';
import { readServerConfig, type ServerFlags } from '../../src/app/config.ts';
import { InvalidSettings } from '../../src/app/settings.ts';

const POSTGRES: ServerFlags = { store: 'postgres', embedded: true };
const DYNAMODB: ServerFlags = { store: 'dynamodb', embedded: true };

function problems(environment: Record<string, string>, flags: ServerFlags = POSTGRES): readonly string[] {
  try {
    readServerConfig(environment, flags);
    return [];
  } catch (error) {
    if (error instanceof InvalidSettings) return error.problems;
    throw error;
  }
}

describe('the defaults', () => {
  it('are those of the README', () => {
    expect(readServerConfig({}, POSTGRES)).toEqual({
      host: '127.0.0.1',
      port: 8060,
      allowedHosts: ['127.0.0.1'],
      allowedOrigins: [],
      bodyBytes: 4 * 1024 * 1024,
      lifetime: { idleMs: 86_400_000, maxLifetimeMs: 30 * 86_400_000 },
      limits: {
        valueBytes: 256 * 1024,
        keysPerSession: 10_000,
        eventsPerStream: 1_000,
        sessionsPerPrincipal: 1_000,
        streamsPerSession: 100,
        streamsPerInstance: 10_000,
      },
      logLevel: 'info',
      drainDelayMs: 0,
      eventRetentionMs: 3_600_000,
      idempotencyRetentionMs: 86_400_000,
      requestStateKeys: [],
      createTablesIfMissing: true,
      store: {
        name: 'postgres',
        target: { kind: 'embedded', dataDir: '.data' },
        poolMax: 10,
        listenUrl: undefined,
        preparedStatements: true,
      },
    });
    expect(readServerConfig({}, DYNAMODB)).toMatchObject({
      port: 8062,
      store: { name: 'dynamodb', tableName: 'mcp-sessions', target: { kind: 'embedded', dataDir: '.data' } },
    });
  });

  it('of production create no tables and embed nothing', () => {
    const config = readServerConfig(
      { DATABASE_URL: 'postgres://db/x' },
      { store: 'postgres', embedded: false },
    );
    expect(config.createTablesIfMissing).toBe(false);
    expect(config.store).toMatchObject({ target: { kind: 'url', url: 'postgres://db/x' } });
    expect(problems({}, { store: 'postgres', embedded: false })).toEqual([
      expect.stringMatching(/^DATABASE_URL is not set/),
    ]);
  });

  it('stand in for empty variables', () => {
    expect(readServerConfig({ PORT: '', HOST: '', SESSION_TTL_SECONDS: '' }, POSTGRES)).toEqual(
      readServerConfig({}, POSTGRES),
    );
  });
});

describe('secrets', () => {
  it('are separated by commas, and kept as they are', () => {
    const first = 'A'.repeat(32);
    const keys = readServerConfig({ REQUEST_STATE_KEYS: `${first}, ${'é'.repeat(16)}` }, POSTGRES);
    expect(keys.requestStateKeys).toEqual([first, 'é'.repeat(16)]);
  });

  // Catches: a secret in the message that says that it is too short.
  it('are in no error', () => {
    expect(problems({ REQUEST_STATE_KEYS: `${'a'.repeat(32)},hunter2` })).toEqual([
      'REQUEST_STATE_KEYS must be secrets of at least 32 bytes each, separated by commas',
    ]);
  });
});

describe('flags', () => {
  it('go before the environment', () => {
    const config = readServerConfig(
      { PORT: '1', HOST: '::1' },
      { ...POSTGRES, port: '2', host: 'localhost' },
    );
    expect(config).toMatchObject({ port: 2, host: 'localhost' });
  });

  it('that are empty are a mistake, not the default', () => {
    expect(problems({}, { ...POSTGRES, port: '' })).toHaveLength(1);
  });
});

describe('DATABASE_LISTEN_URL', () => {
  it.each([
    ['postgres://direct/db', 'postgres://direct/db'],
    ['none', false],
    ['', undefined],
  ])('%j', (value, listenUrl) => {
    const { store } = readServerConfig(
      { DATABASE_URL: 'postgres://pooler/db', DATABASE_LISTEN_URL: value },
      { store: 'postgres', embedded: false },
    );
    expect(store).toMatchObject({ listenUrl });
  });
});

describe('a bad value', () => {
  it.each([
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '80x'],
    ['PORT', '1e3'],
    ['HOST', 'a b'],
    ['HOST', 'localhost:8080'],
    ['SESSION_TTL_SECONDS', '0'],
    ['SESSION_TTL_SECONDS', '1.5'],
    ['SESSION_TTL_SECONDS', '99999999999999999999'],
    ['SESSION_MAX_LIFETIME_SECONDS', '3600'],
    ['DATABASE_POOL_MAX', '0'],
    ['DATABASE_URL', 'mysql://x'],
    ['DATABASE_URL', 'nonsense'],
    ['DATABASE_LISTEN_URL', 'nonsense'],
    ['DATABASE_PREPARED_STATEMENTS', 'no'],
    ['CREATE_TABLES_IF_MISSING', 'yes'],
    ['LOG_LEVEL', 'loud'],
    ['DRAIN_DELAY_SECONDS', 'soon'],
    ['MAX_VALUE_BYTES', '400000'],
    ['MAX_KEYS_PER_SESSION', '0'],
    ['MAX_BODY_BYTES', '1'],
    ['EVENT_RETENTION_SECONDS', '1'],
    ['IDEMPOTENCY_RETENTION_SECONDS', '59'],
    ['MAX_EVENTS_PER_STREAM', '0'],
    ['MAX_SESSIONS_PER_PRINCIPAL', '0'],
    ['MAX_STREAMS_PER_SESSION', '0'],
    ['MAX_STREAMS_PER_INSTANCE', '1000001'],
    // Each would never match any request.
    ['ALLOWED_HOSTS', 'https://app.example.com'],
    ['ALLOWED_HOSTS', 'app.example.com, *'],
    ['ALLOWED_HOSTS', 'app.example.com/mcp'],
    ['ALLOWED_HOSTS', 'fd00::1'],
    ['ALLOWED_ORIGINS', 'app.example.com'],
    ['ALLOWED_ORIGINS', 'https://app.example.com/'],
  ])('of %s (%s) is told in one line that names it', (name, value) => {
    expect(problems({ [name]: value })).toEqual([expect.stringContaining(name)]);
  });

  it.each([
    ['MCP_SESSION_TABLE', 'a'],
    ['MCP_SESSION_TABLE', 'x'.repeat(249)],
    ['MCP_SESSION_TABLE', 'with space'],
    ['AWS_ENDPOINT_URL_DYNAMODB', 'localhost:8000'],
    ['AWS_ENDPOINT_URL', 'ftp://x'],
  ])('of %s (%s) is told in one line that names it', (name, value) => {
    expect(problems({ [name]: value }, DYNAMODB)).toEqual([expect.stringContaining(name)]);
  });

  it('does not hide another', () => {
    expect(problems({ PORT: 'x', LOG_LEVEL: 'y', SESSION_TTL_SECONDS: 'z' })).toHaveLength(3);
  });

  // Catches: an error text that carries a password into a log.
  it('of DATABASE_URL is not repeated', () => {
    expect(problems({ DATABASE_URL: 'mysql://user:hunter2@db' }).join()).not.toContain('hunter2');
  });
});

describe('authentication', () => {
  const NEEDED = { AUTH_ISSUER: 'https://issuer.example/', AUTH_AUDIENCE: 'https://mcp.example.com/mcp' };

  it('is read as it is written', () => {
    expect(readServerConfig(NEEDED, POSTGRES).authentication).toEqual({
      issuer: 'https://issuer.example/',
      audience: 'https://mcp.example.com/mcp',
      requiredScopes: [],
      clockToleranceSeconds: 5,
    });
    const all = {
      AUTH_ISSUER: 'http://127.0.0.1:9000/Tenant',
      AUTH_AUDIENCE: 'api://Me',
      AUTH_RESOURCE: 'https://mcp.example.com/mcp',
      AUTH_JWKS_URL: 'https://keys.example/jwks?tenant=1',
      AUTH_REQUIRED_SCOPES: 'Read,write  api://Me/use',
      AUTH_CLOCK_TOLERANCE_SECONDS: '0',
    };
    expect(readServerConfig(all, POSTGRES).authentication).toEqual({
      issuer: 'http://127.0.0.1:9000/Tenant',
      audience: 'api://Me',
      resource: 'https://mcp.example.com/mcp',
      jwksUrl: 'https://keys.example/jwks?tenant=1',
      requiredScopes: ['Read', 'write', 'api://Me/use'],
      clockToleranceSeconds: 0,
    });
  });

  // Catches: a server that its operator takes to be protected, and that lets everybody in.
  it.each([
    'AUTH_ISSUER',
    'AUTH_AUDIENCE',
    'AUTH_JWKS_URL',
    'AUTH_RESOURCE',
    'AUTH_REQUIRED_SCOPES',
    'AUTH_CLOCK_TOLERANCE_SECONDS',
  ])('of which %s alone is there refuses to start', (name) => {
    const found = problems({ [name]: name === 'AUTH_CLOCK_TOLERANCE_SECONDS' ? '5' : 'https://x.example' });
    const missing = ['AUTH_ISSUER', 'AUTH_AUDIENCE'].filter((each) => each !== name);
    expect(found).toEqual(
      missing.map((each) => expect.stringMatching(`^${each} is not set, but ${name} is: `)),
    );
  });

  it.each([
    ['AUTH_ISSUER', 'http://issuer.example'],
    ['AUTH_ISSUER', 'https://issuer.example?x=1'],
    ['AUTH_ISSUER', 'https://issuer.example#x'],
    ['AUTH_ISSUER', 'https://user:hunter2@issuer.example'],
    ['AUTH_ISSUER', 'issuer.example'],
    ['AUTH_ISSUER', 'https://issuer.example '],
    ['AUTH_ISSUER', 'https:issuer.example'],
    ['AUTH_ISSUER', 'https:\\\\issuer.example'],
    ['AUTH_ISSUER', 'http://127.0.0.1.example.com'],
    ['AUTH_JWKS_URL', 'http://keys.example/jwks'],
    ['AUTH_JWKS_URL', 'file:///etc/passwd'],
    ['AUTH_RESOURCE', 'mcp.example.com'],
    ['AUTH_RESOURCE', 'https://mcp.example.com/\nmcp'],
    ['AUTH_RESOURCE', 'https://mcp.example.com/mcp#x'],
    ['AUTH_REQUIRED_SCOPES', 'a"b'],
    ['AUTH_REQUIRED_SCOPES', 'ä'],
    ['AUTH_CLOCK_TOLERANCE_SECONDS', '61'],
  ])('with a bad %s (%s) is told in one line that names it, without credentials', (name, value) => {
    const found = problems({ ...NEEDED, [name]: value });
    expect(found).toEqual([expect.stringMatching(`^${name} must be `)]);
    expect(found.join()).not.toContain('hunter2');
  });

  // Catches: an audience that no token will ever name, which shows as 401 for everybody.
  it.each([' ', 'api://me ', '\tapi://me'])(
    'is told of an audience that nobody would write so: %j',
    (audience) => {
      const AUTH_RESOURCE = 'https://mcp.example.com/mcp';
      expect(problems({ ...NEEDED, AUTH_RESOURCE, AUTH_AUDIENCE: audience })).toEqual([
        expect.stringMatching(/^AUTH_AUDIENCE must not be empty, nor begin or end with a space/),
      ]);
    },
  );

  it('needs the public URL where the audience is none', () => {
    expect(problems({ ...NEEDED, AUTH_AUDIENCE: 'api://me' })).toEqual([
      expect.stringMatching(/^AUTH_RESOURCE must be .*since the audience is no such URL$/),
    ]);
  });

  it('allows any address', () => {
    for (const HOST of ['0.0.0.0', '::', 'example.com']) expect(problems({ ...NEEDED, HOST })).toEqual([]);
  });
});

describe('exposure', () => {
  it.each(['127.0.0.1', '::1', 'localhost'])('to this machine alone (HOST=%s) needs no word', (HOST) => {
    expect(problems({ HOST })).toEqual([]);
    expect(problems({}, { ...POSTGRES, host: HOST })).toEqual([]);
  });

  // Catches: another spelling of every address, which the system would listen on.
  it.each([
    '0',
    '0.0.0.0',
    '00.0.0.0',
    '0x0',
    '::',
    '0:0:0:0:0:0:0:0',
    '::0',
    '::ffff:0.0.0.0',
    '::ffff:127.0.0.1',
  ])('under the address %s must be allowed by name', (host) => {
    for (const found of [problems({ HOST: host }), problems({}, { ...POSTGRES, host })]) {
      expect(found).toEqual([expect.stringContaining('ALLOW_UNAUTHENTICATED=yes')]);
    }
  });

  // Catches: a server that does not answer to the very address that it says it listens on.
  it.each([
    ['fd00::1', '[fd00::1]'],
    ['Example.com', 'example.com'],
  ])('answers for its own address (HOST=%s)', (HOST, own) => {
    const environment = { HOST, ALLOW_UNAUTHENTICATED: 'yes', ALLOWED_HOSTS: '[FD00::2]:80, A.example' };
    expect(readServerConfig(environment, POSTGRES).allowedHosts).toEqual([own, '[fd00::2]:80', 'a.example']);
  });

  it.each(['0.0.0.0', '::', '192.168.1.5', 'example.com', '127.0.0.2.example.com'])(
    'to other machines (HOST=%s) must be allowed by name',
    (host) => {
      expect(problems({ HOST: host })).toEqual([expect.stringContaining('ALLOW_UNAUTHENTICATED=yes')]);
      expect(problems({ HOST: host, ALLOW_UNAUTHENTICATED: 'true' })).toHaveLength(1);
      expect(problems({ HOST: host, ALLOW_UNAUTHENTICATED: 'yes' })).toEqual([]);
    },
  );
});

describe('the DynamoDB target', () => {
  const target = (environment: Record<string, string>, flags: Partial<ServerFlags> = {}) => {
    const { store } = readServerConfig(environment, { ...DYNAMODB, ...flags });
    return store.name === 'dynamodb' ? store.target : undefined;
  };

  // Catches: credentials that happen to be there leading a development server into an account.
  it('is never AWS by accident', () => {
    const credentials = {
      AWS_ACCESS_KEY_ID: 'x',
      AWS_SECRET_ACCESS_KEY: 'y',
      AWS_REGION: 'eu-west-1',
      AWS_PROFILE: 'p',
    };
    expect(target(credentials)).toMatchObject({ kind: 'embedded' });
    expect(target(credentials, { aws: true })).toEqual({ kind: 'aws' });
  });

  it('is the endpoint that is set, the more special one first', () => {
    expect(target({ AWS_ENDPOINT_URL: 'http://a:1' })).toEqual({ kind: 'endpoint', url: 'http://a:1' });
    const both = { AWS_ENDPOINT_URL: 'http://a:1', AWS_ENDPOINT_URL_DYNAMODB: 'http://b:2' };
    expect(target(both)).toEqual({ kind: 'endpoint', url: 'http://b:2' });
    expect(target(both, { embedded: false })).toEqual({ kind: 'endpoint', url: 'http://b:2' });
  });

  it('is not ambiguous', () => {
    expect(problems({ AWS_ENDPOINT_URL: 'http://a:1' }, { ...DYNAMODB, aws: true })).toHaveLength(1);
  });

  it('of production is AWS', () => {
    expect(target({}, { embedded: false })).toEqual({ kind: 'aws' });
  });
});

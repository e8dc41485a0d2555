import { SECRET_BYTES } from '../adapters/mcp/secret-bytes.ts';
import { DEFAULT_LIMITS, type Limits, MAX_VALUE_BYTES } from '../domain/limits.ts';
import { DEFAULT_IDEMPOTENCY_RETENTION_MS } from '../domain/once.ts';
import type { SessionLifetime } from '../domain/sessions.ts';
import { ALLOWED_HOST, ALLOWED_ORIGIN } from './allowed-names.ts';
import { type AuthenticationConfig, readAuthenticationConfig } from './authentication-config.ts';
import { DEFAULT_BODY_BYTES, DEFAULT_EVENT_RETENTION_MS, DEFAULT_LIFETIME } from './defaults.ts';
import { hostInUrl } from './host-in-url.ts';
import { type Environment, InvalidSettings, SettingsReader } from './settings.ts';
import { readStoreConfig, type StoreConfig, type StoreName } from './store-config.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const LOOPBACK_ADDRESSES = ['127.0.0.1', '::1', 'localhost'];

/** Ports that users of the two original examples know. */
const DEFAULT_PORTS: Readonly<Record<StoreName, number>> = { postgres: 8060, dynamodb: 8062 };

/** A hundred years: beyond any session, and far from where dates end. */
const LONGEST_S = 100 * 365 * 24 * 60 * 60;

export interface ServerConfig {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  /** `undefined` where callers are not asked who they are. */
  readonly authentication: AuthenticationConfig | undefined;
  readonly bodyBytes: number;
  readonly lifetime: SessionLifetime;
  readonly limits: Limits;
  /** For how long the messages of a call can be had after a broken connection. Milliseconds. */
  readonly eventRetentionMs: number;
  /** For how long a call that carried an idempotency key is known again. Milliseconds. */
  readonly idempotencyRetentionMs: number;
  /** What `requestState` is sealed with: the first seals, all open. */
  readonly requestStateKeys: readonly string[];
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly drainDelayMs: number;
  readonly createTablesIfMissing: boolean;
  readonly store: StoreConfig;
}

/** What was given on the command line; it goes before the environment. */
export interface ServerFlags {
  readonly store: StoreName;
  readonly port?: string | undefined;
  readonly host?: string | undefined;
  readonly aws?: boolean | undefined;
  /** Whether an embedded engine may serve where no other store is named. */
  readonly embedded: boolean;
}

/** @throws InvalidSettings with one line per problem */
export function readServerConfig(environment: Environment, flags: ServerFlags): ServerConfig {
  const settings = new SettingsReader({
    ...environment,
    ...(flags.port === undefined ? {} : { PORT: flags.port || ' ' }),
    ...(flags.host === undefined ? {} : { HOST: flags.host || ' ' }),
  });
  const host = settings.matching(
    'HOST',
    '127.0.0.1',
    /^([\w.-]+|[\da-f:.]+)$/i,
    'a host name or an IP address',
  );
  const authentication = readAuthenticationConfig(settings);
  const isOpen = authentication === undefined && settings.text('ALLOW_UNAUTHENTICATED') !== 'yes';
  if (isOpen && !LOOPBACK_ADDRESSES.includes(host)) {
    settings.problems.push(
      `HOST is ${JSON.stringify(host)}, which other machines can reach, and this server asks nobody who they ` +
        'are: set AUTH_ISSUER and AUTH_AUDIENCE, or put authentication in front of it and set ' +
        'ALLOW_UNAUTHENTICATED=yes, or bind to 127.0.0.1',
    );
  }
  const idleS = settings.integer('SESSION_TTL_SECONDS', DEFAULT_LIFETIME.idleMs / 1_000, {
    min: 1,
    max: LONGEST_S,
  });
  const lifetimeS = settings.integer(
    'SESSION_MAX_LIFETIME_SECONDS',
    Math.max(DEFAULT_LIFETIME.maxLifetimeMs / 1_000, idleS),
    {
      min: 1,
      max: LONGEST_S,
    },
  );
  if (lifetimeS < idleS) {
    settings.problems.push(
      `SESSION_MAX_LIFETIME_SECONDS must be at least SESSION_TTL_SECONDS (${idleS}), but is ${lifetimeS}`,
    );
  }
  const limit = (name: string, key: keyof Limits, bounds = { min: 1, max: 1_000_000 }): number =>
    settings.integer(name, DEFAULT_LIMITS[key], bounds);
  const config: ServerConfig = {
    host,
    port: settings.integer('PORT', DEFAULT_PORTS[flags.store], { min: 0, max: 65_535 }),
    allowedHosts: [hostInUrl(host).toLowerCase(), ...settings.list('ALLOWED_HOSTS', ALLOWED_HOST)],
    allowedOrigins: settings.list('ALLOWED_ORIGINS', ALLOWED_ORIGIN),
    authentication,
    bodyBytes: settings.integer('MAX_BODY_BYTES', DEFAULT_BODY_BYTES, { min: 1_024, max: 64 * 1024 * 1024 }),
    lifetime: { idleMs: idleS * 1_000, maxLifetimeMs: lifetimeS * 1_000 },
    limits: {
      ...DEFAULT_LIMITS,
      valueBytes: limit('MAX_VALUE_BYTES', 'valueBytes', { min: 1, max: MAX_VALUE_BYTES }),
      keysPerSession: limit('MAX_KEYS_PER_SESSION', 'keysPerSession'),
      eventsPerStream: limit('MAX_EVENTS_PER_STREAM', 'eventsPerStream', { min: 10, max: 1_000_000 }),
      sessionsPerPrincipal: limit('MAX_SESSIONS_PER_PRINCIPAL', 'sessionsPerPrincipal'),
      streamsPerSession: limit('MAX_STREAMS_PER_SESSION', 'streamsPerSession'),
      streamsPerInstance: limit('MAX_STREAMS_PER_INSTANCE', 'streamsPerInstance'),
    },
    eventRetentionMs:
      settings.integer('EVENT_RETENTION_SECONDS', DEFAULT_EVENT_RETENTION_MS / 1_000, {
        min: 10,
        max: LONGEST_S,
      }) * 1_000,
    idempotencyRetentionMs:
      settings.integer('IDEMPOTENCY_RETENTION_SECONDS', DEFAULT_IDEMPOTENCY_RETENTION_MS / 1_000, {
        min: 60,
        max: LONGEST_S,
      }) * 1_000,
    requestStateKeys: settings.secrets('REQUEST_STATE_KEYS', SECRET_BYTES),
    logLevel: settings.oneOf('LOG_LEVEL', 'info', LOG_LEVELS),
    drainDelayMs: settings.integer('DRAIN_DELAY_SECONDS', 0, { min: 0, max: 3_600 }) * 1_000,
    createTablesIfMissing: settings.flag('CREATE_TABLES_IF_MISSING') || flags.embedded,
    store: readStoreConfig(settings, flags),
  };
  if (settings.problems.length > 0) throw new InvalidSettings(settings.problems);
  return config;
}

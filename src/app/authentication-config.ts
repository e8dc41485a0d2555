import {
  DEFAULT_CLOCK_TOLERANCE_S,
  type JwtAuthenticationOptions,
  MAX_CLOCK_TOLERANCE_S,
  problemsOf,
} from '../adapters/auth/jwt-options.ts';
import type { SettingsReader } from './settings.ts';

export type AuthenticationConfig = Omit<JwtAuthenticationOptions, 'onError'>;

/** The setting of each option. */
const SETTINGS = {
  issuer: 'AUTH_ISSUER',
  audience: 'AUTH_AUDIENCE',
  resource: 'AUTH_RESOURCE',
  jwksUrl: 'AUTH_JWKS_URL',
  requiredScopes: 'AUTH_REQUIRED_SCOPES',
  clockToleranceSeconds: 'AUTH_CLOCK_TOLERANCE_SECONDS',
} as const;

/**
 * How callers are known; `undefined` where no such setting is there. Half of it is a problem, never less of it: its
 * operator takes the server to be protected.
 */
export function readAuthenticationConfig(settings: SettingsReader): AuthenticationConfig | undefined {
  const given = Object.values(SETTINGS).filter((name) => settings.text(name) !== undefined);
  if (given.length === 0) return undefined;
  const missing = [SETTINGS.issuer, SETTINGS.audience].filter((name) => !given.includes(name));
  for (const name of missing) {
    settings.problems.push(
      `${name} is not set, but ${given.join(', ')} is: authentication needs both ${SETTINGS.issuer} and ` +
        SETTINGS.audience,
    );
  }
  const config: AuthenticationConfig = {
    issuer: settings.text(SETTINGS.issuer, ''),
    audience: settings.text(SETTINGS.audience, ''),
    resource: settings.text(SETTINGS.resource),
    jwksUrl: settings.text(SETTINGS.jwksUrl),
    requiredScopes: settings.words(SETTINGS.requiredScopes),
    clockToleranceSeconds: settings.integer(SETTINGS.clockToleranceSeconds, DEFAULT_CLOCK_TOLERANCE_S, {
      min: 0,
      max: MAX_CLOCK_TOLERANCE_S,
    }),
  };
  for (const { option, rule } of missing.length > 0 ? [] : problemsOf(config)) {
    settings.problems.push(`${option === 'onError' ? option : SETTINGS[option]} ${rule}`);
  }
  return config;
}

import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { connectError, domainError } from '../../src/adapters/postgres/errors.ts';
import { SessionNotFound, StoreNotSetUp, StoreUnavailable } from '../../src/domain/errors.ts';

function serverError(code: string): pg.DatabaseError {
  const error = new pg.DatabaseError('the server’s own words', 0, 'error');
  error.code = code;
  return error;
}

// Catches: a class of errors that is forgotten, and would be a 500 instead of a 503 with Retry-After.
describe('errors of pg become the domain’s', () => {
  it.each([
    '08006',
    '25006',
    '28P01',
    '40001',
    '40P01',
    '53300',
    '53100',
    '55P03',
    '57014',
    '57P01',
    '57P03',
    '58030',
    '25P03',
    '25P04',
  ])('%s: the store is unavailable', (code) => {
    const cause = serverError(code);
    const error = domainError(cause);
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect(error).toMatchObject({ cause });
    expect((error as Error).message).not.toContain('words');
  });

  it.each(['3D000', '3F000', '42P01', '42703'])('%s: the store is not set up', (code) => {
    const error = domainError(serverError(code));
    expect(error).toBeInstanceOf(StoreNotSetUp);
    expect((error as Error).message).toContain('npm run migrate');
  });

  it('23503: the session is gone', () => {
    expect(domainError(serverError('23503'))).toBeInstanceOf(SessionNotFound);
  });

  it.each(['22P02', '23514', '42601', 'XX000'])('%s: a bug, as it is', (code) => {
    const error = serverError(code);
    expect(domainError(error)).toBe(error);
  });

  const systemError = (code: string): Error => Object.assign(new Error(code), { code, syscall: 'connect' });

  it.each([
    systemError('ECONNREFUSED'),
    systemError('ECONNRESET'),
    Object.assign(new AggregateError([systemError('ECONNREFUSED'), systemError('ECONNREFUSED')]), {
      code: 'ECONNREFUSED',
    }),
    Object.assign(new Error('bad record type'), { code: 'ERR_SSL_BAD_RECORD_TYPE' }),
    new Error('received invalid response: 7e'),
    new Error('Connection terminated unexpectedly'),
    new Error('Query read timeout'),
    new Error('timeout exceeded when trying to connect'),
    new Error('Cannot use a pool after calling end on the pool'),
  ])('%s: the connection is lost', (cause) => {
    expect(domainError(cause)).toBeInstanceOf(StoreUnavailable);
  });

  it('other errors of JavaScript are bugs, but while connecting those of the network and of TLS', () => {
    const error = new Error('self-signed certificate');
    expect(domainError(error)).toBe(error);
    expect(connectError(error)).toBeInstanceOf(StoreUnavailable);
    const invalid = new TypeError('Invalid URL');
    expect(connectError(invalid)).toBe(invalid);
  });
});

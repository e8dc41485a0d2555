import type { ServerOptions } from '@modelcontextprotocol/server';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { requestBinding } from '../../src/adapters/mcp/request-binding.ts';
import {
  REQUEST_STATE_BYTES,
  type RequestState,
  type RequestStateBinding,
  RequestStates,
} from '../../src/adapters/mcp/request-state.ts';
import { Seal } from '../../src/adapters/mcp/seal.ts';
import { InvalidArgument, LimitExceeded, StoreUnavailable } from '../../src/domain/errors.ts';
import { outcomes, times } from '../contract/fixtures.ts';
import { type OnceInstance, type OnceLab, onceLab } from '../support/once-lab.ts';

const OLD = 'the old secret, of thirty-two bytes or more';
const NEW = 'the new secret, of thirty-two bytes or more';
const principal = { issuer: 'https://issuer.example', subject: 'alice' };
const request = requestBinding('tools/call', { name: 'pay', arguments: { amount: 1 } });
const TTL_MS = 600_000;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

let lab: OnceLab;
let state: RequestState;

beforeEach(async () => {
  lab = await onceLab();
  state = states().for({ principal, request });
});

function states(keys: readonly string[] = [OLD], { singleUse }: OnceInstance = lab.a, ttlMs?: number) {
  return new RequestStates({ keys, clock: lab.clock, singleUse, ttlMs });
}

/** As another request, or another caller, would present the state. */
function other(binding: Partial<RequestStateBinding>): RequestState {
  return states().for({ principal, request, ...binding });
}

describe('a state', () => {
  it.each<[unknown]>([
    [{ step: 2, answers: [{ action: 'accept', content: { n: 1 } }] }],
    ['text with \u0000, \u2028, \ud800 and 😀'],
    [null],
    [0],
    [[]],
    [JSON.parse('{"__proto__":{"x":1},"":""}')],
  ])('gives %j back, on any instance', async (payload) => {
    const sealed = await state.mint(payload);
    expect(await state.verify(sealed)).toEqual(payload);
    expect(await states([OLD], lab.b).for({ principal, request }).verify(sealed)).toEqual(payload);
  });

  it('is for any number of retries', async () => {
    const sealed = await state.mint(1);
    for (const _ of times(3, () => {})) expect(await state.verify(sealed)).toBe(1);
  });

  // Catches: a client that reads what was meant for the server, or who it is known as.
  it('shows its client nothing', async () => {
    const sealed = await state.mint({ secret: 'the payload' }, { singleUse: true });
    const [header = '', ...parts] = sealed
      .split('.')
      .map((part) => Buffer.from(part, 'base64url').toString());
    expect(JSON.parse(header)).toEqual({ alg: 'dir', enc: 'A256GCM' });
    for (const text of ['payload', 'alice', 'issuer', 'tools/call', 'pay', OLD]) {
      expect([sealed, ...parts].join(' ')).not.toContain(text);
    }
    expect(await state.mint(1)).not.toBe(await state.mint(1));
  });

  it('can be checked by the SDK, apart from its object', async () => {
    const { verify } = state;
    const options: NonNullable<ServerOptions['requestState']> = { verify };
    expect(await options.verify?.(await state.mint(7), undefined as never)).toBe(7);
  });

  it.each([
    ['no value', undefined],
    ['a function', () => {}],
    ['a date', { at: new Date() }],
    ['Infinity', [Number.POSITIVE_INFINITY]],
  ])('is not made of %s, which JSON would change', async (_, payload) => {
    await expect(state.mint(payload)).rejects.toThrow(InvalidArgument);
  });

  it('is refused beyond 64 KiB when it is made, and taken up to there', async () => {
    const bytes = (size: number) => state.mint('x'.repeat(size));
    const sealed = await bytes(48_900);
    expect(sealed.length).toBeGreaterThan(REQUEST_STATE_BYTES - 300);
    expect(await state.verify(sealed)).toHaveLength(48_900);
    await expect(bytes(49_152)).rejects.toThrow(LimitExceeded);
    await expect(bytes(49_152)).rejects.toThrow(/^requestState: .* at most 65536 /);
  });
});

describe('a state is refused', () => {
  it('when it has expired', async () => {
    const sealed = [await state.mint(1), await state.mint(1, { ttlMs: 1_000 })] as const;
    const brief = await states([OLD], lab.a, 500).for({ principal, request }).mint(1);
    await lab.pass(499);
    expect(await state.verify(brief)).toBe(1);
    await lab.pass(1);
    await expect(state.verify(brief)).rejects.toThrow(/^expired$/);
    await lab.pass(499);
    expect(await state.verify(sealed[1])).toBe(1);
    await lab.pass(1);
    await expect(state.verify(sealed[1])).rejects.toThrow(/^expired$/);
    await lab.pass(TTL_MS - 1_001);
    expect(await state.verify(sealed[0])).toBe(1);
    await lab.pass(1);
    await expect(state.verify(sealed[0])).rejects.toThrow(/^expired$/);
  });

  it.each<[string, Partial<RequestStateBinding>]>([
    ['principal', { principal: { ...principal, subject: 'mallory' } }],
    ['issuer', { principal: { ...principal, issuer: 'https://other.example' } }],
    ['caller without authentication', { principal: undefined }],
    ['tool', { request: requestBinding('tools/call', { name: 'refund', arguments: { amount: 1 } }) }],
    ['argument', { request: requestBinding('tools/call', { name: 'pay', arguments: { amount: 2 } }) }],
    ['method', { request: requestBinding('prompts/get', { name: 'pay', arguments: { amount: 1 } }) }],
  ])('when it comes with another %s', async (_, binding) => {
    const sealed = await state.mint(1);
    await expect(other(binding).verify(sealed)).rejects.toThrow(/^foreign$/);
    await expect(state.verify(await other(binding).mint(1))).rejects.toThrow(/^foreign$/);
  });

  // Catches: parts of one principal that are read as another's.
  it('when issuer and subject only look alike together', async () => {
    const sealed = await other({ principal: { issuer: 'a', subject: 'b","c' } }).mint(1);
    await expect(other({ principal: { issuer: 'a","b', subject: 'c' } }).verify(sealed)).rejects.toThrow(
      'foreign',
    );
  });

  // Catches: a spelling of the same bytes, or a header, that is not under the seal.
  it('when any of its characters was changed, added or left out', async () => {
    const sealed = await state.mint({ admin: false });
    const changed = times(sealed.length, (at) => [
      `${sealed.slice(0, at)}${sealed[at] === 'A' ? 'B' : 'A'}${sealed.slice(at + 1)}`,
      `${sealed.slice(0, at)}${sealed.slice(at + 1)}`,
      `${sealed.slice(0, at)}=${sealed.slice(at)}`,
      sealed.slice(0, at),
    ]).flat();
    // The last character of a part has bits that decoders pass over.
    const parts = sealed.split('.');
    for (const [index, part] of parts.entries()) {
      for (const last of `${ALPHABET}+/= \n`) {
        const text = parts.with(index, `${part.slice(0, -1)}${last}`).join('.');
        if (text !== sealed) changed.push(text);
      }
    }
    const { values, errors } = await outcomes(changed.map((text) => state.verify(text)));
    expect(values).toEqual([]);
    expect(new Set(errors.map(String))).toEqual(new Set(['RequestStateRefused: unreadable']));
  });

  it.each([
    '',
    'x',
    '....',
    'null',
    'é.é.é.é.é',
    'a.b.c',
    `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`,
    `${Buffer.from('{"alg":"dir","enc":"A256GCM","zip":"DEF"}').toString('base64url')}..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA`,
    `${Buffer.from('{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":2147483647}').toString('base64url')}.AA.AA.AA.AA`,
    'A'.repeat(1_000_000),
  ])('when it is no state at all: %.80s', async (text) => {
    await expect(state.verify(text)).rejects.toThrow(/^unreadable$/);
  });

  it('when it was made under a key that is not known, or for another purpose', async () => {
    const sealed = await states([NEW]).for({ principal, request }).mint(1);
    await expect(state.verify(sealed)).rejects.toThrow(/^unreadable$/);
    const another = await new Seal([OLD], 'another purpose').close('{}');
    await expect(state.verify(another)).rejects.toThrow(/^unreadable$/);
  });
});

describe('keys', () => {
  // Catches: a rotation that refuses every client that is in the midst of a request.
  it('are rotated without a state lost', async () => {
    const before = states([OLD]).for({ principal, request });
    const prepared = states([OLD, NEW]).for({ principal, request });
    const rotated = states([NEW, OLD]).for({ principal, request });
    const after = states([NEW]).for({ principal, request });
    const [old, young] = [await prepared.mint('old'), await rotated.mint('young')];
    for (const each of [before, prepared, rotated]) expect(await each.verify(old)).toBe('old');
    for (const each of [prepared, rotated, after]) expect(await each.verify(young)).toBe('young');
    await expect(after.verify(old)).rejects.toThrow(/^unreadable$/);
  });

  it.each([
    ['none', []],
    ['a short one', ['x'.repeat(31)]],
    ['a short one among others', [NEW, 'short']],
  ])('are refused that are %s, and not repeated in the message', (_, keys) => {
    expect(() => states(keys)).toThrow(RangeError);
    expect(() => states(keys)).toThrow(/^keys: [^x]*$/);
  });

  it('count in bytes of UTF-8', () => {
    expect(() => states(['é'.repeat(16)])).not.toThrow();
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('do not seal for %d ms', async (ttlMs) => {
    expect(() => states([OLD], lab.a, ttlMs)).toThrow(RangeError);
    await expect(state.mint(1, { ttlMs })).rejects.toThrow(RangeError);
  });
});

describe('a state for a single use', () => {
  it('is good once, over all instances', async () => {
    const sealed = await state.mint('x', { singleUse: true });
    const each = [lab.a, lab.b, lab.c].map((instance) => states([OLD], instance).for({ principal, request }));
    const { values, errors } = await outcomes(each.map(({ verify }) => verify(sealed)));
    expect(values).toEqual(['x']);
    expect(errors.map(String)).toEqual(times(2, () => 'RequestStateRefused: already used'));
  });

  // Catches: a state that others can use up, and one that is free again as soon as its mark is gone.
  it('is used up by nobody whom it is not for, and not again before it has expired', async () => {
    const sealed = await state.mint(1, { singleUse: true });
    await expect(other({ principal: undefined }).verify(sealed)).rejects.toThrow(/^foreign$/);
    expect(await state.verify(sealed)).toBe(1);
    await lab.pass(TTL_MS - 1);
    await lab.b.store.sessions.deleteExpired(lab.clock.now(), 100);
    await expect(state.verify(sealed)).rejects.toThrow(/^already used$/);
  });

  it('is refused while the store cannot tell', async () => {
    const sealed = await state.mint(1, { singleUse: true });
    vi.spyOn(lab.a.singleUse, 'claim').mockRejectedValueOnce(new StoreUnavailable());
    await expect(state.verify(sealed)).rejects.toThrow(StoreUnavailable);
  });
});

describe('the binding of a request', () => {
  it.each([
    ['the order of members', { name: 'x', arguments: { b: 1, a: 2 } }],
    [
      'what the retry adds',
      { name: 'x', arguments: { a: 2, b: 1 }, inputResponses: {}, requestState: 's', _meta: {} },
    ],
  ])('does not depend on %s', (_, params) => {
    expect(requestBinding('tools/call', params)).toBe(
      requestBinding('tools/call', { name: 'x', arguments: { a: 2, b: 1 } }),
    );
  });

  it('takes no arguments for empty ones', () => {
    expect(requestBinding('tools/call', { name: 'x' })).toBe(
      requestBinding('tools/call', { name: 'x', arguments: {} }),
    );
  });

  it('tells resources apart, and all that is asked for otherwise', () => {
    const bindings = [
      requestBinding('resources/read', { uri: 'file:///a' }),
      requestBinding('resources/read', { uri: 'file:///b' }),
      requestBinding('resources/read', {}),
      requestBinding('prompts/get', { name: 'file:///a' }),
      requestBinding('tools/call', { name: 'file:///a' }),
      requestBinding('tools/call', undefined),
    ];
    expect(new Set(bindings).size).toBe(bindings.length);
  });
});

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HarnessFactory, StoreHarness } from '../contract/harness.ts';
import { mutated } from './http/hostile.ts';
import { FuzzLab } from './http/lab.ts';
import { IN_SESSION, INITIALIZE_REQUEST, STATELESS } from './http/messages.ts';
import {
  bodyOf,
  hostileHeader,
  inSession,
  JSON_HEADERS,
  listens,
  postOf,
  statelessHeaders,
  TARGETS,
  VERBS,
} from './http/requests.ts';
import { encodeRequest } from './http/wire.ts';
import { fuzzed, fuzzTimeout } from './runs.ts';

const BATCH_REVISION = '2025-03-26';
const PING = { jsonrpc: '2.0', id: 'p', method: 'ping' } as const;

/** Bytes as they may go over the wire, whole or in part. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)),
  // Cut off, or with a byte changed: mostly no JSON any more, or no UTF-8.
  fc
    .tuple(fc.constantFrom(...IN_SESSION), fc.nat(), fc.option(fc.nat({ max: 255 })))
    .map(([message, at, byte]) => {
      const text = Buffer.from(JSON.stringify(message));
      if (byte === null) return text.subarray(0, at % text.length);
      text[at % text.length] = byte;
      return text;
    }),
  fc
    .constantFrom(
      '',
      'null',
      '[',
      '{"a":1}x',
      '\ufeff{}',
      '1e999',
      '{"id":1,"id":2,"jsonrpc":"2.0","method":"ping"}',
    )
    .map((text) => Buffer.from(text)),
);

/**
 * Whatever is sent to a service on a socket is answered, within a deadline and in the protocol's form, and does
 * nothing to others.
 */
export function httpFuzz(name: string, makeHarness: HarnessFactory, share: number): void {
  describe(`the service over ${name}`, () => {
    let harness: StoreHarness;
    let service: FuzzLab;
    let everything: FuzzLab;
    let labs: readonly FuzzLab[];
    const lab = fc.nat({ max: 1 }).map((index) => () => labs[index] as FuzzLab);

    beforeAll(async () => {
      harness = await makeHarness();
      service = await FuzzLab.open(await harness.open(), 'state');
      everything = await FuzzLab.open(await harness.open(), 'everything');
      labs = [service, everything];
    });
    afterAll(async () => {
      for (const each of labs ?? []) await each.close();
      await harness?.close();
    });

    const holds = <Given>(
      title: string,
      runs: number,
      given: fc.Arbitrary<Given>,
      check: (given: Given) => Promise<void>,
    ): void => {
      it(
        title,
        async () => {
          await fc.assert(fc.asyncProperty(given, check), fuzzed(Math.ceil(runs * share)));
          for (const each of labs) await each.assertUnharmed();
        },
        fuzzTimeout(),
      );
    };

    const post = async (
      to: FuzzLab,
      headers: ReturnType<typeof inSession>,
      message: unknown,
    ): Promise<void> => {
      const { bytes, parsed } = bodyOf(message);
      const { answers } = await to.send(postOf(headers, bytes), {
        body: parsed,
        isOpenEnded: listens(parsed),
      });
      expect(answers).toHaveLength(1);
    };

    // Catches: an error of the parser or decoder that becomes a 500, or that is answered in its own words.
    holds('answers any bytes', 100, fc.tuple(lab, bytes), async ([lab, body]) => {
      let parsed: unknown;
      try {
        parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
      } catch {
        // No JSON, so no id either.
      }
      const id = await lab().sharedSession('2025-11-25');
      const { answers } = await lab().send(postOf(inSession(id), body), { body: parsed });
      expect(answers).toHaveLength(1);
    });

    // Catches: a field that is used before its type is known, an id that is answered as another, a message that the
    // SDK drops without an answer, and recursion without a bound.
    holds(
      'answers messages of a session',
      250,
      fc.tuple(lab, mutated(IN_SESSION)),
      async ([lab, message]) => {
        await post(lab(), inSession(await lab().sharedSession('2025-11-25')), message);
      },
    );

    // Catches: the same of what is kept with the session, and replayed on another instance.
    holds('answers initialize', 80, fc.tuple(lab, mutated([INITIALIZE_REQUEST])), async ([lab, message]) => {
      await post(lab(), JSON_HEADERS, message);
    });

    // Catches: the same where the SDK's own handler answers.
    holds(
      'answers messages of 2026-07-28',
      200,
      fc.tuple(lab, mutated(STATELESS)),
      async ([lab, message]) => {
        await post(lab(), statelessHeaders(message), message);
      },
    );

    const batch = fc.oneof(
      { weight: 4, arbitrary: fc.array(mutated([...IN_SESSION, INITIALIZE_REQUEST]), { maxLength: 8 }) },
      // One id for all, and each with its own; nested; at the limit and far beyond.
      {
        weight: 1,
        arbitrary: fc
          .constantFrom<[number, boolean]>(
            [2, true],
            [100, false],
            [101, false],
            [1_000, true],
            [20_000, false],
          )
          .map(([length, isSame]) =>
            Array.from({ length }, (_, id) => ({ ...PING, id: isSame ? 'same' : id })),
          ),
      },
      { weight: 1, arbitrary: fc.constantFrom([[]], [[PING]], [[[PING]], PING]) },
    );
    // Catches: an answer that is missing, comes twice or out of another's mouth, and a batch without a bound.
    holds('answers batches', 100, fc.tuple(lab, batch), async ([lab, messages]) => {
      await post(lab(), inSession(await lab().sharedSession(BATCH_REVISION)), messages);
    });

    const headers = fc.record({
      lab,
      method: fc.constantFrom('POST', 'POST', 'GET', 'DELETE'),
      hostile: fc.array(hostileHeader, { minLength: 1, maxLength: 3 }),
      isKept: fc.boolean(),
    });
    // Catches: a header that is used unchecked, as part of a key, a number or a pattern, and one that comes twice.
    holds('answers any headers', 200, headers, async ({ lab, method, hostile, isKept }) => {
      const usual = inSession(await lab().session('2025-11-25'));
      const replaced = new Set(hostile.map(([each]) => each.toLowerCase()));
      const left = isKept ? usual : usual.filter(([each]) => !replaced.has(each.toLowerCase()));
      const body = method === 'POST' ? { body: Buffer.from(JSON.stringify(PING)) } : {};
      const bytes = encodeRequest({ method, headers: [...left, ...hostile], ...body });
      // A length that is not true leaves the server waiting for the rest, until the client hangs up.
      const hangsUp = hostile.some(([each]) => /^(content-length|transfer-encoding)$/i.test(each));
      // Bytes behind a line break are a header of their own, or a request.
      await lab().sendBytes(bytes, { body: PING, hangsUp, isOpenEnded: true });
    });

    // Catches: an event of one session that another one is shown.
    holds(
      'shows nothing of another session',
      20,
      fc.tuple(fc.nat({ max: 9 }), fc.boolean()),
      async ([at, isCall]) => {
        const eventId = await everything.controlEventId();
        const foreign = isCall ? eventId : eventId.replace(/\d+$/, String(at));
        const { answers } = await everything.send(
          {
            method: 'GET',
            headers: inSession(await everything.session('2025-11-25'), [['Last-Event-ID', foreign]]),
          },
          { isOpenEnded: true },
        );
        expect(answers.map(({ status }) => status)).toEqual([400]);
      },
    );

    const framing = fc.record({
      lab,
      how: fc.constantFrom(
        'longer',
        'shorter',
        'cut chunks',
        'bad chunks',
        'continue',
        'pipelined',
        'cut headers',
      ),
      at: fc.nat({ max: 200 }),
    });
    // Catches: a wait for a body that does not come, and an answer that is taken for that of another request.
    holds('answers or ends whatever is framed badly', 80, framing, async ({ lab, how, at }) => {
      const usual = inSession(await lab().sharedSession('2025-11-25'));
      const body = Buffer.from(JSON.stringify({ ...PING, params: { pad: 'x'.repeat(100) } }));
      const said = (value: string) => encodeRequest({ headers: [...usual, ['Content-Length', value]], body });
      const chunked = (text: string) =>
        encodeRequest({ headers: [...usual, ['Transfer-Encoding', 'chunked']], body: Buffer.from(text) });
      const sent = { body: PING, hangsUp: true };
      switch (how) {
        case 'longer':
          await lab().sendBytes(said(String(body.length + 1 + at)), sent);
          break;
        case 'shorter':
          await lab().sendBytes(said(String(Math.max(0, body.length - 1 - at))), sent);
          break;
        case 'cut chunks':
          await lab().sendBytes(
            chunked(`${body.length.toString(16)}\r\n${body.toString().slice(0, at)}`),
            sent,
          );
          break;
        case 'bad chunks':
          await lab().sendBytes(
            chunked(`${at % 2 ? 'xyz' : 'ffffffffffffffff'}\r\n${body.toString()}\r\n`),
            sent,
          );
          break;
        case 'continue':
          await lab().send({ headers: [...usual, ['Expect', '100-continue']], body }, { body: PING });
          break;
        case 'pipelined': {
          const one = encodeRequest({ headers: usual, body });
          const { answers } = await lab().sendBytes(Buffer.concat([one, one, one]), {
            body: PING,
            answers: 3,
          });
          expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
          break;
        }
        case 'cut headers':
          await lab().sendBytes(encodeRequest({ headers: usual, body }).subarray(0, at), sent);
      }
    });

    const verbs = fc.record({ lab, method: fc.constantFrom(...VERBS), target: fc.constantFrom(...TARGETS) });
    // Catches: a verb or a path that nobody thought of, with an answer of the framework's own.
    holds('answers any verb and path', 100, verbs, async ({ lab, method, target }) => {
      const headers = inSession(await lab().session('2025-11-25'));
      const body = method === 'POST' ? { body: Buffer.from(JSON.stringify(PING)) } : {};
      await lab().send(
        { method, target, headers, ...body },
        {
          body: PING,
          isOpenEnded: true,
          hangsUp: method === 'CONNECT',
          isElsewhere: target !== '/mcp',
        },
      );
    });
  });
}

/** One answer as it came over the wire, which may still be on its way. */
export interface WireAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** Without parameters. */
  readonly type: string | undefined;
  readonly body: string;
  readonly isComplete: boolean;
}

/** The final answers in what a server sent, the last one perhaps in part. @throws if it is no HTTP */
export function wireAnswers(bytes: Buffer, isHead: boolean, isEnded: boolean): WireAnswer[] {
  const answers: WireAnswer[] = [];
  let rest = bytes;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return answers;
    const [first = '', ...lines] = rest.subarray(0, end).toString('latin1').split('\r\n');
    const [, digits] = /^HTTP\/1\.1 (\d{3})/.exec(first) ?? [];
    if (digits === undefined) throw new Error(`no answer of HTTP: ${JSON.stringify(first)}`);
    const status = Number(digits);
    const headers = new Map(lines.map(headerOf));
    rest = rest.subarray(end + 4);
    // Such as 100 (Continue): the answer is to come.
    if (status < 200) continue;
    const isBodiless = isHead || status === 204 || status === 304;
    const body = isBodiless ? { text: '', isComplete: true, length: 0 } : bodyOf(rest, headers, isEnded);
    const type = headers.get('content-type')?.split(';')[0]?.trim();
    answers.push({ status, headers, type, body: body.text, isComplete: body.isComplete });
    if (!body.isComplete) return answers;
    rest = rest.subarray(body.length);
  }
}

function headerOf(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

interface Body {
  readonly text: string;
  readonly isComplete: boolean;
  /** Bytes on the wire. */
  readonly length: number;
}

function bodyOf(rest: Buffer, headers: ReadonlyMap<string, string>, isEnded: boolean): Body {
  if (headers.get('transfer-encoding') === 'chunked') return chunkedBody(rest);
  const said = headers.get('content-length');
  // Without a length, the end of the connection ends it.
  const length = said === undefined ? rest.length : Number(said);
  const isComplete = said === undefined ? isEnded : rest.length >= length;
  return { text: rest.subarray(0, length).toString(), isComplete, length };
}

function chunkedBody(rest: Buffer): Body {
  const chunks: Buffer[] = [];
  let at = 0;
  const sofar = (isComplete: boolean): Body => ({
    text: Buffer.concat(chunks).toString(),
    isComplete,
    length: at,
  });
  for (;;) {
    const lineEnd = rest.indexOf('\r\n', at);
    if (lineEnd < 0) return sofar(false);
    const size = Number.parseInt(rest.subarray(at, lineEnd).toString('latin1'), 16);
    const next = lineEnd + 2 + size + 2;
    if (rest.length < next) return sofar(false);
    chunks.push(rest.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
    if (size === 0) return sofar(true);
  }
}

import { RequestRefused } from './errors.ts';

/**
 * A POST must accept a JSON answer and a stream, since the server chooses (2025-11-25, Sending Messages to
 * the Server).
 * @throws RequestRefused
 */
export function assertAcceptsJsonAndStream(accept: string | null): void {
  // As the official clients write it.
  if (accept === 'application/json, text/event-stream') return;
  const accepted = acceptedTypes(accept ?? '');
  if (!accepts(accepted, 'application/json') || !accepts(accepted, 'text/event-stream')) {
    throw new RequestRefused(
      'not_acceptable',
      'Not acceptable: the Accept header must list both application/json and text/event-stream',
    );
  }
}

/**
 * A GET is answered with a stream and nothing else (2025-11-25, Listening for Messages from the Server).
 * @throws RequestRefused
 */
export function assertAcceptsStream(accept: string | null): void {
  if (!accepts(acceptedTypes(accept ?? ''), 'text/event-stream')) {
    throw new RequestRefused(
      'not_acceptable',
      'Not acceptable: the Accept header of a GET must list text/event-stream',
    );
  }
}

/** @throws RequestRefused */
export function assertJsonContent(headers: Headers): void {
  const contentType = headers.get('content-type');
  if (contentType !== 'application/json' && !isJsonInUtf8(contentType ?? '')) {
    throw new RequestRefused(
      'unsupported_media_type',
      'Unsupported media type: the Content-Type header must be application/json, in UTF-8',
    );
  }
  const encoding = headers.get('content-encoding');
  if (encoding !== null && encoding !== 'identity') {
    throw new RequestRefused(
      'unsupported_media_type',
      'Unsupported Content-Encoding: send the body as it is',
    );
  }
}

function isJsonInUtf8(contentType: string): boolean {
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  const charset = parameters.map((each) => each.trim()).find((each) => each.startsWith('charset='));
  return type.trim() === 'application/json' && /^(charset="?utf-8"?)?$/.test(charset ?? '');
}

function acceptedTypes(accept: string): Set<string> {
  const types = accept
    .toLowerCase()
    .split(',')
    .flatMap((range) => {
      const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
      // A quality of zero means: anything but this (RFC 9110 §12.4.2).
      return parameters.some((each) => /^q=0(\.0*)?$/.test(each)) ? [] : [type];
    });
  return new Set(types);
}

function accepts(accepted: ReadonlySet<string>, type: string): boolean {
  return accepted.has(type) || accepted.has(`${type.split('/')[0]}/*`) || accepted.has('*/*');
}

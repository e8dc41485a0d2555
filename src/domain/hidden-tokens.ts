import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** Tokens that were taken out of a text, and how to put them back. Neither part needs escaping in JSON. */
export interface HiddenTokens {
  /** What the placeholders in the text begin with. */
  readonly mark: string;
  /** The tokens, base64url, for whoever has the secret. */
  readonly sealed: string;
}

/** As long as a session id, which is 32 bytes as base64url; with more around it, if that is of the same letters. */
const TOKEN = /[A-Za-z0-9_-]{43,}/g;
/** Looks at each run once, from its beginning. */
const HAS_TOKEN = /(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}/;
/** Escapes are taken one by one, so that none is torn apart, nor taken for the beginning of what follows it. */
const ESCAPE_OR_RUN = /\\(?:u[0-9a-fA-F]{4}|.)|[A-Za-z0-9_+/-]{43,}/g;
/** So much of one alphabet is an image or the like in base64, where tokens are found by mere chance. */
const ENCODED_DATA = /^(?:[A-Za-z0-9+/]{1024,}|[A-Za-z0-9_-]{1024,})$/;
/** Stands outside of strings, where a placeholder would not be JSON. */
const NUMBER = /^[-+\deE]+$/;

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Takes out of a JSON text whatever may be the id of a session, and is thus a bearer secret. What comes in runs of
 * 1,024 characters or more of base64, of either alphabet, stays.
 *
 * @param secret who knows it can put the tokens back
 * @param spared tokens that stay, although they look like it
 * @returns `hidden` is `undefined` where there was none
 */
export function hideTokens(
  text: string,
  secret: string,
  spared: readonly string[] = [],
): { readonly text: string; readonly hidden: HiddenTokens | undefined } {
  if (!HAS_TOKEN.test(text)) return { text, hidden: undefined };
  let mark: string;
  do mark = `hidden-${randomBytes(6).toString('hex')}`;
  while (text.includes(mark));
  const places = new Map<string, number>();
  const hide = (token: string): string => {
    if (spared.includes(token)) return token;
    const place = places.get(token) ?? places.size;
    places.set(token, place);
    return `<${mark}:${place}>`;
  };
  const left = text.replace(ESCAPE_OR_RUN, (found) => {
    if (found.startsWith('\\') || NUMBER.test(found) || ENCODED_DATA.test(found)) return found;
    return found.replace(TOKEN, hide);
  });
  if (places.size === 0) return { text, hidden: undefined };
  return { text: left, hidden: { mark, sealed: seal([...places.keys()], secret, mark) } };
}

/** Puts back what was taken out. @returns `undefined` with another secret than it was taken out with */
export function restoreTokens(
  text: string,
  { mark, sealed }: HiddenTokens,
  secret: string,
): string | undefined {
  const tokens = unseal(sealed, secret, mark);
  if (tokens === undefined) return undefined;
  const placeholder = new RegExp(`<${mark}:(\\d+)>`, 'g');
  return text.replace(placeholder, (found, place: string) => tokens[Number(place)] ?? found);
}

function seal(tokens: readonly string[], secret: string, mark: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret), nonce).setAAD(Buffer.from(mark));
  const content = [cipher.update(JSON.stringify(tokens), 'utf8'), cipher.final()];
  return Buffer.concat([nonce, ...content, cipher.getAuthTag()]).toString('base64url');
}

function unseal(sealed: string, secret: string, mark: string): readonly string[] | undefined {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', keyOf(secret), bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(mark)).setAuthTag(bytes.subarray(-TAG_BYTES));
  const content = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    return JSON.parse(Buffer.concat([content, decipher.final()]).toString('utf8'));
  } catch {
    // Not sealed with this secret. A reader who knows the session by another name is to have the rest all the same.
    return undefined;
  }
}

/** The secret has its entropy already: what is derived only must not be of use for anything else. */
function keyOf(secret: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', 'durable-mcp hidden tokens v1', KEY_BYTES));
}

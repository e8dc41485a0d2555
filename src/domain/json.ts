import { InvalidArgument } from './errors.ts';
import { MESSAGE_DEPTH, VALUE_DEPTH } from './limits.ts';

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [member: string]: JsonValue };

/**
 * The JSON text that a store keeps for `value`.
 *
 * Refuses what JSON cannot carry rather than change it: `JSON.stringify` would write `null` for the Infinity
 * that `JSON.parse` makes of 1e400, drop `undefined` and functions, and call `toJSON`.
 *
 * @throws InvalidArgument naming `field` and the limit
 */
export function encodeValue(
  value: unknown,
  limits: { readonly valueBytes: number },
  field = 'value',
): string {
  if (value === undefined)
    throw new InvalidArgument(field, 'is missing: any JSON value is allowed, also null');
  assertJson(value, field, 0);
  const json = JSON.stringify(value);
  const bytes = Buffer.byteLength(json);
  if (bytes > limits.valueBytes) {
    throw new InvalidArgument(
      field,
      `is ${bytes} bytes as JSON, at most ${limits.valueBytes} are allowed: store less, or split it over keys`,
    );
  }
  return json;
}

export function decodeValue(json: string): JsonValue {
  return JSON.parse(json) as JsonValue;
}

function assertJson(value: unknown, field: string, depth: number): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (Number.isFinite(value)) return;
      throw new InvalidArgument(
        field,
        'holds a number beyond ±1.797e308, which cannot be kept: store it as text',
      );
    case 'object':
      break;
    default:
      throw new InvalidArgument(field, `holds a ${typeof value}, which JSON cannot carry`);
  }
  if (value === null) return;
  if (depth >= VALUE_DEPTH) {
    throw new InvalidArgument(
      field,
      `is nested too deeply, at most ${VALUE_DEPTH} levels are allowed: store it flatter, or as text`,
    );
  }
  if (Array.isArray(value)) {
    // By index, because forEach and for…in pass over the holes of a sparse array.
    for (let index = 0; index < value.length; index += 1) assertJson(value[index], field, depth + 1);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new InvalidArgument(field, 'holds an object that is not plain, which JSON cannot carry');
  }
  for (const member of Object.values(value)) assertJson(member, field, depth + 1);
}

/**
 * To be called before anything recurses into what a client sent.
 * @throws InvalidArgument naming `field` and the limit
 */
export function assertDepth(parsed: unknown, field: string): void {
  if (isWithin(parsed, MESSAGE_DEPTH)) return;
  throw new InvalidArgument(field, `is nested too deeply, at most ${MESSAGE_DEPTH} levels are allowed`);
}

/** Recurses no deeper than `levels` itself. */
function isWithin(parsed: unknown, levels: number): boolean {
  if (typeof parsed !== 'object' || parsed === null) return true;
  if (levels === 0) return false;
  const members: readonly unknown[] = Array.isArray(parsed) ? parsed : Object.values(parsed);
  return members.every((member) => isWithin(member, levels - 1));
}

import { INTERNAL_ERROR, INVALID_PARAMS, isObject, type JsonRpcError } from './jsonrpc.ts';

/** How many fields are named at most. */
const FIELDS = 5;
/** How the list of what does not fit begins, as zod of either generation makes a message of it. */
const LIST = '[\n  {';

/** What does not fit a schema, and where. */
interface Issue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/**
 * The error in words. The SDK's servers, of either generation, answer params that do not fit the schema of their method
 * with zod's list of issues as it is, and mostly as if the server had failed: a client could not tell its own mistake.
 * @param error as the SDK answers it
 */
export function inPlainWords(error: JsonRpcError): JsonRpcError {
  const { code, message, ...rest } = error.error;
  if (code !== INTERNAL_ERROR && code !== INVALID_PARAMS) return error;
  const start = message.indexOf(LIST);
  const issues = start < 0 ? undefined : issuesOf(message.slice(start));
  if (issues === undefined) return error;
  const isOfParams = issues.every(({ path }) => path[0] === 'params');
  const named = issues.slice(0, FIELDS).map(({ path, message }) => `${nameOf(path)}: ${message}`);
  if (issues.length > FIELDS) named.push(`and ${issues.length - FIELDS} more`);
  return {
    ...error,
    error: {
      ...rest,
      code: isOfParams ? INVALID_PARAMS : code,
      message: `${message.slice(0, start)}${named.join('; ')}`,
    },
  };
}

function issuesOf(text: string): readonly Issue[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.length > 0 && list.every(isIssue) ? list : undefined;
  } catch {
    // Somebody's own words, which are left to them.
    return undefined;
  }
}

function isIssue(value: unknown): value is Issue {
  return isObject(value) && typeof value['message'] === 'string' && Array.isArray(value['path']);
}

/** Such as `params.arguments[2].name`. */
function nameOf(path: Issue['path']): string {
  const name = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
  return name.replace(/^\./, '') || 'the whole';
}

import { DurableMcpError, StoreNotSetUp, StoreUnavailable } from '../../domain/errors.ts';

/** For operators of the service, and for authors who installed the library. */
export const SETUP_COMMAND = 'npm run setup:dynamodb (in code: createTables of durable-mcp/dynamodb)';

/** The name of the error where the client has too many requests under way. */
export const TOO_MANY_REQUESTS = 'TooManyRequestsUnderWay';

/**
 * What DynamoDB says of a request that is wrong in itself: a bug. Whatever else becomes of a request is a state of the
 * service, of the network with its proxies and certificates, or of credentials and whoever gives them, under names that
 * nobody can list.
 */
const WRONG_REQUESTS = new Set([
  'ValidationException',
  'SerializationException',
  'UnknownOperationException',
  'ConditionalCheckFailedException',
  'ItemCollectionSizeLimitExceededException',
  'ResourceInUseException',
]);

/** The same where there was no attempt, of which the SDK would have left a note. */
const NOT_ATTEMPTED = new Set([
  TOO_MANY_REQUESTS,
  'TimeoutError',
  'AbortError',
  'CredentialsProviderError',
  'TokenProviderError',
]);

/** No connection came about, and so nothing was sent. */
const NEVER_SENT = new Set<unknown>([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
const CUT_OFF = new Set<unknown>(['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT']);

interface AwsError extends Error {
  readonly code?: unknown;
  /** On whatever a request ended with that was attempted. */
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** The error that AWS or the network gave: ElectroDB wraps it and leaves it at `cause`. */
export function awsError(error: unknown): AwsError | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    const { name, code, $metadata } = each as AwsError;
    if ($metadata !== undefined || NOT_ATTEMPTED.has(name) || isUnreachable(code)) return each as AwsError;
  }
  return undefined;
}

export function isAwsError(error: unknown, name: string): boolean {
  return awsError(error)?.name === name;
}

/**
 * Whether the request may have been carried out all the same: its answer is missing, or says that the service failed
 * in the midst of it. What DynamoDB refused, an overload included, was not.
 */
export function mayBeDone(error: unknown): boolean {
  const { code, $metadata } = awsError(error) ?? {};
  const status = $metadata?.httpStatusCode ?? 0;
  return !(status >= 400 && status < 500) && !NEVER_SENT.has(code);
}

function isUnreachable(code: unknown): boolean {
  return NEVER_SENT.has(code) || CUT_OFF.has(code);
}

/** The domain's error for what AWS, the network or ElectroDB threw; anything unknown as it is: it is a bug. */
export function domainError(error: unknown): unknown {
  if (error instanceof DurableMcpError) return error;
  const aws = awsError(error);
  if (aws === undefined) return error;
  if (aws.name === 'ResourceNotFoundException') {
    return new StoreNotSetUp('A DynamoDB table is missing', SETUP_COMMAND, { cause: aws });
  }
  if (!WRONG_REQUESTS.has(aws.name)) return new StoreUnavailable({ cause: aws });
  return error;
}

/** Runs one operation of a port, which may throw errors of the domain only. */
export async function inDomainErrors<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw domainError(error);
  }
}

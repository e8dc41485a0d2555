import type { DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { mayBeDone } from './errors.ts';

/** What ElectroDB needs of a client. */
export type Sender = Pick<DynamoDBDocumentClient, 'send'>;

/** Stands for an error at which the SDK would send the request again. */
class NotToBeRepeated extends Error {
  /** Set by the SDK. */
  declare readonly $metadata?: object;

  constructor(readonly original: unknown) {
    super('The request may have been carried out.');
  }
}

type Step<Input, Output> = (input: Input) => Promise<Output>;

const hideFromRetry =
  <Input, Output>(next: Step<Input, Output>): Step<Input, Output> =>
  (input) =>
    next(input).catch((error: unknown) => {
      throw mayBeDone(error) ? new NotToBeRepeated(error) : error;
    });

const showAfterRetry =
  <Input, Output>(next: Step<Input, Output>): Step<Input, Output> =>
  (input) =>
    next(input).catch((error: unknown) => {
      if (!(error instanceof NotToBeRepeated)) throw error;
      const { original, $metadata } = error;
      // By this it is known as the end of a request that was attempted.
      if (original instanceof Error && !('$metadata' in original)) Object.assign(original, { $metadata });
      throw original;
    });

/**
 * Sends through `client`, but never again what may have been carried out. The SDK by itself repeats a request whose
 * answer is missing: if another's write was acknowledged in between, the second execution undoes it. What DynamoDB
 * refused, or what never reached it, is repeated as the client has it; the rest fails with the error that there was.
 */
export function unrepeated(client: DynamoDBDocumentClient): Sender {
  // Any command: they differ in their input only.
  const send = (command: UpdateCommand, options?: object) => {
    const { middlewareStack } = command;
    // A document command's stack is added to its client's twice.
    const beside = { toMiddleware: 'retryMiddleware', override: true } as const;
    middlewareStack.addRelativeTo(hideFromRetry, { ...beside, relation: 'after', name: 'hideFromRetry' });
    middlewareStack.addRelativeTo(showAfterRetry, { ...beside, relation: 'before', name: 'showAfterRetry' });
    return client.send(command, options);
  };
  return { send: send as Sender['send'] };
}

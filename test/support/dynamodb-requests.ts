import type { DynamoDBClient, ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-dynamodb';

/** A request on its way, by its IAM action's name without the prefix: `UpdateItem`. */
export interface Sent {
  readonly action: string;
  readonly input: ServiceInputTypes;
}

export type Next = () => Promise<ServiceOutputTypes>;

/** Every request of a client passes through `handle`, which may fail it, repeat it, or change its answer. */
export function intercept(
  client: DynamoDBClient,
  handle: (sent: Sent, next: Next) => Promise<ServiceOutputTypes>,
): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const action = String(context['commandName']).replace(/Command$/, '');
      let metadata: Awaited<ReturnType<typeof next>> | undefined;
      const output = await handle({ action, input: args.input as ServiceInputTypes }, async () => {
        metadata = await next(args);
        return metadata.output as ServiceOutputTypes;
      });
      return { response: metadata?.response, output } as Awaited<ReturnType<typeof next>>;
    },
    { step: 'initialize', priority: 'low' },
  );
}

/** The actions that a client sends, in order, from now on. */
export function actionsOf(client: DynamoDBClient): string[] {
  const actions: string[] = [];
  intercept(client, (sent, next) => {
    actions.push(sent.action);
    return next();
  });
  return actions;
}

/** An error as the SDK throws it for an answer of DynamoDB. */
export function serviceError(name: string, httpStatusCode = 400): Error {
  return Object.assign(new Error(name), { name, $fault: 'client', $metadata: { httpStatusCode } });
}

/** What a client sends to DynamoDB, each attempt of a request by itself, in order, from now on. */
export function sentBy(client: DynamoDBClient): string[] {
  const sent: string[] = [];
  client.middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { readonly headers: Readonly<Record<string, string>> };
      sent.push(String(headers['x-amz-target']).replace(/^DynamoDB_\d+\./, ''));
      return next(args);
    },
    { step: 'deserialize', priority: 'low' },
  );
  return sent;
}

import { createServer, type IncomingMessage, request as open, type ServerResponse } from 'node:http';
import { closeWithConnections, listenLocally } from './local-server.ts';

/**
 * What becomes of a request. `silent`: no answer ever comes. `halved`: nor does the rest of one that has begun.
 * `lost`: it is carried out, and the connection resets instead of an answer.
 */
export type RequestFate =
  | 'passed'
  | 'throughput'
  | 'throttled'
  | 'failed'
  | 'silent'
  | 'halved'
  | 'reset'
  | 'lost';

const ERRORS = {
  throughput: [400, 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException'],
  throttled: [400, 'com.amazon.coral.availability#ThrottlingException'],
  failed: [500, 'com.amazonaws.dynamodb.v20120810#InternalServerError'],
} as const;

/** What stands between a service and DynamoDB, and fails as a test tells it to. */
export interface DynamodbFaults {
  readonly endpoint: string;
  /** Decides each attempt of a request, by its action: `UpdateItem`. It waits as long as that takes. */
  fate: (action: string) => RequestFate | Promise<RequestFate>;
  close(): Promise<void>;
}

export async function startDynamodbFaults(upstream: string): Promise<DynamodbFaults> {
  const server = createServer((request, response) => {
    const action = String(request.headers['x-amz-target']).replace(/^.*\./, '');
    void decided(faults, action).then((fate) => meet(fate, request, response, upstream));
  });
  const faults: DynamodbFaults = {
    endpoint: await listenLocally(server),
    fate: () => 'passed',
    close: () => closeWithConnections(server),
  };
  return faults;
}

async function decided({ fate }: DynamodbFaults, action: string): Promise<RequestFate> {
  return fate(action);
}

async function meet(
  fate: RequestFate,
  request: IncomingMessage,
  response: ServerResponse,
  upstream: string,
): Promise<void> {
  switch (fate) {
    case 'silent':
      request.resume();
      return;
    case 'halved':
      request.resume();
      response.writeHead(200, { 'Content-Type': 'application/x-amz-json-1.0', 'Content-Length': 1_000 });
      response.write('{"Item":');
      return;
    case 'reset':
      request.socket.resetAndDestroy();
      return;
    case 'passed':
    case 'lost': {
      const answer = await carryOut(request, upstream).catch(() => undefined);
      if (answer === undefined || fate === 'lost') request.socket.resetAndDestroy();
      else response.writeHead(answer.status, answer.headers).end(answer.body);
      return;
    }
    default: {
      request.resume();
      const [status, type] = ERRORS[fate];
      response.writeHead(status, { 'Content-Type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ __type: type, message: 'arn:aws:secret words of the driver' }));
    }
  }
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

function carryOut(request: IncomingMessage, upstream: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method, headers, url: path } = request;
    const outgoing = open(upstream, { method, headers, path }, (incoming) => {
      incoming.toArray().then((chunks: Buffer[]) => {
        const { statusCode: status = 502 } = incoming;
        resolve({ status, headers: incoming.headers, body: Buffer.concat(chunks) });
      }, reject);
    });
    outgoing.on('error', reject);
    request.pipe(outgoing);
  });
}

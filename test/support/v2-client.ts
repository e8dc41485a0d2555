import {
  type CallToolResult,
  Client,
  type ClientCapabilities,
  type CreateMessageRequestParams,
  type CreateMessageResult,
  type ElicitRequestParams,
  type ElicitResult,
  type FetchLike,
  type OAuthClientProvider,
  type Root,
  StreamableHTTPClientTransport,
  type VersionNegotiationMode,
} from '@modelcontextprotocol/client';

/** The revision without sessions, and nothing else. */
export const MODERN_ONLY: VersionNegotiationMode = { pin: '2026-07-28' };

/** What the client answers when it is asked. It says that it can be asked for what is given here, and no more. */
export interface Answers {
  readonly elicit?: (params: ElicitRequestParams) => ElicitResult | Promise<ElicitResult>;
  readonly sample?: (
    params: CreateMessageRequestParams,
  ) => CreateMessageResult | Promise<CreateMessageResult>;
  readonly roots?: () => readonly Root[];
}

export interface ModernOptions extends Answers {
  /** `auto`, unless given, asks the server what it speaks; `legacy` opens a session without asking. */
  readonly mode?: VersionNegotiationMode;
  /** Sends the requests, to add headers or to look at what goes over the wire. */
  readonly fetch?: FetchLike;
  /** Gets tokens where the server asks for them. */
  readonly authProvider?: OAuthClientProvider;
}

/** The official client of the v2 SDK. */
export interface ModernClient {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
  /** That was agreed on, e.g. `2026-07-28`. */
  readonly revision: string | undefined;
  call(name: string, args?: Record<string, unknown>): Promise<CallToolResult>;
  close(): Promise<void>;
}

/**
 * Connects, in either era.
 * @throws what the client throws where the server does not speak what was asked for; nothing is left open then
 */
export async function connectModern(url: string, options: ModernOptions = {}): Promise<ModernClient> {
  const { mode = 'auto', fetch, authProvider, ...answers } = options;
  const client = new Client(
    { name: 'official-v2', version: '1' },
    { capabilities: capabilitiesOf(answers), versionNegotiation: { mode } },
  );
  const { elicit, sample, roots } = answers;
  if (elicit !== undefined) client.setRequestHandler('elicitation/create', ({ params }) => elicit(params));
  if (sample !== undefined)
    client.setRequestHandler('sampling/createMessage', ({ params }) => sample(params));
  if (roots !== undefined) client.setRequestHandler('roots/list', () => ({ roots: [...roots()] }));
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    ...(fetch && { fetch }),
    ...(authProvider && { authProvider }),
  });
  try {
    await client.connect(transport);
  } catch (error) {
    await client.close();
    throw error;
  }
  return {
    client,
    transport,
    revision: client.getNegotiatedProtocolVersion(),
    call: (name, args = {}) => client.callTool({ name, arguments: args }),
    close: () => client.close(),
  };
}

function capabilitiesOf({ elicit, sample, roots }: Answers): ClientCapabilities {
  return {
    ...(elicit && { elicitation: {} }),
    ...(sample && { sampling: {} }),
    ...(roots && { roots: {} }),
  };
}

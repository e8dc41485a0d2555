import {
  type CallToolResult,
  type JSONRPCRequest,
  ProtocolError,
  ProtocolErrorCode,
  type Result,
  Server,
  type ServerContext,
  type Tool,
} from '@modelcontextprotocol/server';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/server/validators/ajv';
import type { CallerSession } from '../caller-session.ts';
import {
  errorResponse,
  INTERNAL_ERROR,
  isObject,
  type JsonRpcRequest,
  type JsonRpcResponse,
} from '../jsonrpc.ts';
import type { ConnectableServer, ServerFactory } from '../server-factory.ts';
import type { ServiceFacts } from '../service-facts.ts';
import { durability } from '../session-tools/durability.ts';
import type { ToolSet } from '../session-tools/tool-set.ts';
import { stateTools } from './state-tools.ts';

/** One for all servers: each would make an Ajv of its own, which costs more than the rest of the server. */
const jsonSchemaValidator = new AjvJsonSchemaValidator();

/** The tools are the same for everybody, and change with a release only. */
const CACHE_HINT = { ttlMs: 300_000, cacheScope: 'public' } as const;

interface Offer {
  readonly tools: ToolSet;
  readonly instructions: string;
}

/**
 * Makes the servers of the service's own tools, for clients of all revisions. Descriptions and schemas are made
 * once for each endpoint, not per session; that, and to refuse arguments in our own words, is why this is the SDK's
 * `Server` and not its `McpServer`.
 */
export function stateServer(info: { readonly name: string; readonly version: string }): ServerFactory {
  const offers = new WeakMap<ServiceFacts, Record<CallerSession['era'], Offer>>();
  const offerTo = ({ service, era }: CallerSession): Offer => {
    const known = offers.get(service);
    if (known !== undefined) return known[era];
    const made = offersOf(service);
    offers.set(service, made);
    return made[era];
  };
  return (caller: CallerSession) => {
    const { tools, instructions } = offerTo(caller);
    return new StateServer(
      { ...info, title: 'Durable session state' },
      {
        capabilities: { tools: {} },
        instructions,
        jsonSchemaValidator,
        cacheHints: { 'tools/list': CACHE_HINT, 'server/discover': CACHE_HINT },
      },
      (request) => callTool(tools, request, caller),
      { tools: [...tools.list] },
    );
  };
}

function offersOf(service: ServiceFacts): Record<CallerSession['era'], Offer> {
  const lasting = durability(service);
  return {
    legacy: {
      tools: stateTools('legacy', service),
      instructions: `Keeps JSON values for this session by key. ${lasting}`,
    },
    modern: {
      tools: stateTools('modern', service),
      instructions:
        'Keeps JSON values by key. Call open_session once, and pass the session_id that it returns with each call. ' +
        lasting,
    },
  };
}

interface ToolCall {
  readonly params?: Readonly<Record<string, unknown>> | undefined;
}

type Handler = (request: JSONRPCRequest, context: ServerContext) => Promise<Result>;

class StateServer extends Server implements ConnectableServer {
  readonly #call: (request: ToolCall) => Promise<CallToolResult>;

  constructor(
    info: ConstructorParameters<typeof Server>[0],
    options: ConstructorParameters<typeof Server>[1],
    call: (request: ToolCall) => Promise<CallToolResult>,
    list: { readonly tools: Tool[] },
  ) {
    super(info, options);
    this.#call = call;
    this.setRequestHandler('tools/list', () => list);
    this.setRequestHandler('tools/call', call);
  }

  /**
   * The SDK's would check each call twice, and each result once, against schemas of its own, which costs more than the
   * call. Arguments are checked by the tools, and results typed. (Not by a `fallbackRequestHandler`: an unknown method
   * would then be answered with HTTP status 200, where 2026-07-28 demands 404.)
   */
  protected override _wrapHandler(method: string, handler: Handler): Handler {
    return method === 'tools/call' ? (request) => this.#call(request) : super._wrapHandler(method, handler);
  }

  /** A call of a tool. None of them notifies, asks or can be aborted. */
  answer(request: JsonRpcRequest): Promise<JsonRpcResponse> | undefined {
    if (request.method !== 'tools/call') return undefined;
    const { id } = request;
    return this.#call(request).then(
      (result) => ({ jsonrpc: '2.0', id, result }),
      (error: unknown) => {
        if (error instanceof ProtocolError) return errorResponse(id, error.code, error.message);
        this.onerror?.(error as Error);
        return errorResponse(id, INTERNAL_ERROR, 'Internal error');
      },
    );
  }
}

/** @throws ProtocolError where it names none of the tools, or is malformed */
async function callTool(
  tools: ToolSet,
  { params }: ToolCall,
  caller: CallerSession,
): Promise<CallToolResult> {
  const name = params?.['name'];
  if (typeof name !== 'string') throw invalidParams('name must be a string: that of a tool');
  const args = params?.['arguments'];
  if (args !== undefined && !isObject(args)) throw invalidParams('arguments must be an object');
  const result = tools.call(name, args, caller);
  if (result === undefined) throw invalidParams(`Unknown tool: ${name}`);
  return result;
}

function invalidParams(problem: string): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InvalidParams, problem);
}

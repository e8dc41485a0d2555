import { WrongAnswer } from './answer.ts';

/** Calls tools for one session over one connection. */
export interface ToolClient {
  /**
   * @returns the structured content of the result
   * @throws WrongAnswer if the server fails the call or answers something else
   */
  call(tool: string, args: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>;
  /** Ends the session and the connection. */
  close(): Promise<void>;
}

/** How one opens a session with a server. */
export type OpenClient = (origin: string) => Promise<ToolClient>;

export const CLIENT_INFO = { name: 'bench', version: '1' } as const;

/** @throws WrongAnswer if a tool says that it failed */
export function structuredContentOf(result: unknown): Record<string, unknown> {
  const { isError, content, structuredContent } = result as {
    readonly isError?: boolean;
    readonly content?: readonly { readonly type?: string }[];
    readonly structuredContent?: Record<string, unknown>;
  };
  if (isError === true || content?.[0]?.type !== 'text' || structuredContent === undefined) {
    throw new WrongAnswer('a result with text and structured content', result);
  }
  return structuredContent;
}

import type { Gates } from '../streams/fixture/gates.ts';
import type { Cluster, ClusterOptions } from '../support/cluster.ts';
import type { ModernClient, ModernOptions } from '../support/v2-client.ts';
import type { Deeds } from './both-eras-server.ts';

/** Instances that serve both eras, and what became of their tools' calls. Ends with the test. */
export interface ErasCluster extends Cluster {
  readonly gates: Gates;
  readonly deeds: Deeds;
  readonly a: string;
  readonly b: string;
  readonly c: string;
  /** The official v2 client, on one instance or by default on a random one with each request. */
  connect(options?: ModernOptions & { readonly at?: string }): Promise<ModernClient>;
}

export type NewErasCluster = (options?: Partial<ClusterOptions>) => Promise<ErasCluster>;

/** What is asked of a client: those of both SDK generations have it. */
export interface Calls {
  call(name: string, args?: Record<string, unknown>): Promise<ToolResult>;
}

interface ToolResult {
  readonly content: readonly { readonly type: string; readonly text?: unknown }[];
  readonly structuredContent?: unknown;
  readonly isError?: boolean | undefined;
}

/** What a tool of the fixture said. */
export function said({ content, isError }: ToolResult): unknown {
  const text = String(content[0]?.text);
  return isError === true ? { error: text } : JSON.parse(text);
}

/** The id of a new session. */
export async function openSession(client: Calls, args: Record<string, unknown> = {}): Promise<string> {
  const { structuredContent } = await client.call('open_session', args);
  return (structuredContent as { readonly session_id: string }).session_id;
}

import { InvalidArgument } from './errors.ts';

/** Longest URI of a resource that can be told of, in characters. */
export const URI_CHARACTERS = 2_048;

/** What can change about the servers of all sessions. MCP has one notification for each kind. */
export type Change =
  | { readonly kind: 'tools_list_changed' }
  | { readonly kind: 'prompts_list_changed' }
  | { readonly kind: 'resources_list_changed' }
  | { readonly kind: 'resource_updated'; readonly uri: string };

/** The kinds that are about all of a list. */
export const LIST_CHANGES = ['tools_list_changed', 'prompts_list_changed', 'resources_list_changed'] as const;

/** What a follower of the log of changes meets, in order. */
export type ChangeStep =
  | { readonly kind: 'change'; readonly sequence: number; readonly change: Change }
  /** Changes up to this one are no longer kept, or there is another log: anything may have changed. */
  | {
      readonly kind: 'missed';
      readonly sequence: number;
      /** The log was set back, or is another one: its sequences begin again after this one. */
      readonly isSetBack?: true;
    };

/** @throws InvalidArgument */
export function assertChange(change: Change): void {
  if (change.kind !== 'resource_updated') return;
  const { uri } = change;
  if (uri.length === 0) throw new InvalidArgument('uri', 'must not be empty');
  if (uri.length > URI_CHARACTERS) {
    throw new InvalidArgument(
      'uri',
      `has ${uri.length} characters, at most ${URI_CHARACTERS} are allowed: shorten it`,
    );
  }
}

/** The same for changes that say the same. */
export function changeKey(change: Change): string {
  return change.kind === 'resource_updated' ? `${change.kind} ${change.uri}` : change.kind;
}

export function encodeChange(change: Change): string {
  return JSON.stringify(
    change.kind === 'resource_updated' ? { kind: change.kind, uri: change.uri } : { kind: change.kind },
  );
}

/** `undefined` for what only a later version of this project knows. */
export function decodeChange(text: string): Change | undefined {
  const { kind, uri } = JSON.parse(text) as { readonly kind?: unknown; readonly uri?: unknown };
  if (kind === 'resource_updated' && typeof uri === 'string') return { kind, uri };
  const listChange = LIST_CHANGES.find((each) => each === kind);
  return listChange && { kind: listChange };
}

import type { Change } from '../../domain/change.ts';
import type { Changes } from '../../domain/changes.ts';

/**
 * Tells every client on every instance, of whatever revision, what has changed. A method resolves once the change is
 * stored, so that nothing can lose it any more: clients that listen hear of it in general within milliseconds, on
 * DynamoDB within 4 s, and within 30 s where signals are lost; an outage of the store delays it.
 *
 * Rejects while 1,000 other changes wait for the store, and after `DurableMcp.close`. Nobody has to wait for it:
 * `onStoreError` is told of that too.
 */
export interface ChangeNotifier {
  /** To clients whose server advertised `tools.listChanged`. */
  toolsChanged(): Promise<void>;
  /** To clients whose server advertised `prompts.listChanged`. */
  promptsChanged(): Promise<void>;
  /** To clients whose server advertised `resources.listChanged`. */
  resourcesChanged(): Promise<void>;
  /**
   * To clients that subscribed to exactly this URI, at a server that advertised `resources.subscribe`.
   * @param uri 1 to 2,048 characters
   * @throws InvalidArgument
   */
  resourceUpdated(uri: string): Promise<void>;
}

export function changeNotifier(changes: Changes, onError: (error: unknown) => void): ChangeNotifier {
  const publish = (change: Change): Promise<void> => {
    const published = changes.publish(change);
    // A rejection that nobody handles would end the process.
    published.catch(onError);
    return published;
  };
  return {
    toolsChanged: () => publish({ kind: 'tools_list_changed' }),
    promptsChanged: () => publish({ kind: 'prompts_list_changed' }),
    resourcesChanged: () => publish({ kind: 'resources_list_changed' }),
    resourceUpdated: (uri) => publish({ kind: 'resource_updated', uri }),
  };
}

import type { Change } from '../../../domain/change.ts';
import { isObject } from '../jsonrpc.ts';

/** The notification for each kind of change, and the capability by which a server says that it sends it. */
const NOTIFICATIONS = {
  tools_list_changed: { method: 'notifications/tools/list_changed', capability: ['tools', 'listChanged'] },
  prompts_list_changed: {
    method: 'notifications/prompts/list_changed',
    capability: ['prompts', 'listChanged'],
  },
  resources_list_changed: {
    method: 'notifications/resources/list_changed',
    capability: ['resources', 'listChanged'],
  },
  resource_updated: { method: 'notifications/resources/updated', capability: ['resources', 'subscribe'] },
} as const;

/** Whether a server with these capabilities said that it tells of this kind of change. */
export function isAdvertised(kind: Change['kind'], capabilities: unknown): boolean {
  const [feature, option] = NOTIFICATIONS[kind].capability;
  const found = isObject(capabilities) ? capabilities[feature] : undefined;
  return isObject(found) && found[option] === true;
}

/** As JSON text. */
export function notificationText(change: Change): string {
  const { method } = NOTIFICATIONS[change.kind];
  const params = change.kind === 'resource_updated' ? { uri: change.uri } : undefined;
  return JSON.stringify({ jsonrpc: '2.0', method, params });
}

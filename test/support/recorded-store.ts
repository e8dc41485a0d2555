import type { Store } from '../../src/ports/store.ts';

const PORTS = ['sessions', 'directory', 'events', 'signals', 'instances'] as const;

/** A store that writes down which of its operations are asked for, such as `sessions.find`. */
export function recordedStore(store: Store, operations: string[]): Store {
  const ports = PORTS.map((name) => [name, recorded(name, store[name], operations)]);
  return { ...store, ...Object.fromEntries(ports) };
}

function recorded<Port extends object>(name: string, port: Port, operations: string[]): Port {
  return new Proxy(port, {
    get: (target, property) => {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        operations.push(`${name}.${String(property)}`);
        return member.apply(target, args);
      };
    },
  });
}

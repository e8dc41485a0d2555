import type { PostgresConfig } from '../store-config.ts';

/** A PostgreSQL server that was found. */
export interface PostgresPlace {
  readonly url: string;
  /** For people: no user, no password. */
  readonly location: string;
  leave(): Promise<void>;
}

/** Where the database is; starts the embedded one where that is meant. */
export async function findPostgres({ target }: PostgresConfig): Promise<PostgresPlace> {
  if (target.kind === 'url') {
    const { hostname, port, pathname } = new URL(target.url);
    return {
      url: target.url,
      location: `database ${decodeURIComponent(pathname.slice(1)) || '(default)'} on ${hostname || 'localhost'}:${port || 5432}`,
      leave: async () => {},
    };
  }
  const { joinEngine } = await import('../embedded/engine.ts');
  const engine = await joinEngine({ kind: 'postgres', dataDir: target.dataDir });
  return {
    url: engine.url,
    location: `embedded PostgreSQL in ${target.dataDir}/postgres`,
    leave: () => engine.leave(),
  };
}

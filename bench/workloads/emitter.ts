import type { Environment } from '../contenders/environment.ts';
import type { ServerProcess } from '../contenders/server-process.ts';
import { programArguments } from '../project.ts';

/** An instance whose server notifies its client when it is told to. */
export function startEmitter(
  environment: Environment,
  databaseUrl: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  return environment.server(programArguments('servers/emitter.ts'), {
    DATABASE_URL: databaseUrl,
    CREATE_TABLES_IF_MISSING: 'true',
    LOG_LEVEL: 'warn',
    ...settings,
  });
}

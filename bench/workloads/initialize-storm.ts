import type { ContenderName } from '../contenders/contender.ts';
import { Connection } from '../load/connection.ts';
import { SessionClient } from '../load/session-client.ts';
import { measureLoad, warmUp } from './measured-load.ts';
import type { Case, Workload } from './workload.ts';

/** Clients that all come at once, as after a deploy: each connection opens one session after the other. */
export function initializeStorm(
  name: string,
  title: string,
  contenders: readonly ContenderName[],
  connections: number,
): Workload {
  return { name, title, cases: contenders.map((contender) => stormCase(contender, connections)) };
}

function stormCase(contender: ContenderName, count: number): Case {
  return {
    name: contender,
    contender,
    prepare: async (environment) => {
      const running = await environment.contender(contender);
      const clients = Array.from({ length: count }, () => {
        const connection = new Connection(running.origin);
        return { connection, opened: [] as SessionClient[] };
      });
      const workers = clients.map(({ connection, opened }) => async () => {
        opened.push(await SessionClient.openOn(connection));
      });
      await warmUp(running, workers);
      return {
        measure: async (seconds) => {
          const figures = await measureLoad(running, workers, seconds);
          // Not measured: the next round shall find as few sessions as this one did.
          for (const { opened } of clients) {
            for (const session of opened.splice(0)) await session.terminate();
          }
          return figures;
        },
        close: async () => {
          await Promise.all(clients.map(({ connection }) => connection.close()));
        },
      };
    },
  };
}

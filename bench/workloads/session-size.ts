import type { ContenderName } from '../contenders/contender.ts';
import { SessionClient } from '../load/session-client.ts';
import { CheckedSession, closeAll } from '../load/state-session.ts';
import { caller, keyNames } from './calls.ts';
import { copyValues } from './copy-values.ts';
import { measureLoad, warmUp } from './measured-load.ts';
import type { Case, Workload } from './workload.ts';

const MIX = { stores: 0.5, valueBytes: 100 } as const;

/** What a call costs in sessions with few and with many keys. */
export function sessionSizeWorkload(
  name: string,
  title: string,
  sizes: readonly number[],
  contenders: readonly { readonly contender: ContenderName; readonly sessions: number }[],
): Workload {
  const cases = contenders.flatMap(({ contender, sessions }) =>
    sizes.map((keys) => sessionSizeCase(contender, sessions, keys)),
  );
  return { name, title, cases };
}

/** How the case is named that has so many keys in each session. */
export function sessionSizeName(contender: ContenderName, keys: number): string {
  return `${contender}, ${keys.toLocaleString('en-US')} ${keys === 1 ? 'key' : 'keys'}`;
}

function sessionSizeCase(contender: ContenderName, count: number, size: number): Case {
  return {
    name: sessionSizeName(contender, size),
    contender,
    prepare: async (environment) => {
      const running = await environment.contender(contender);
      const keys = keyNames(size);
      const sessions: CheckedSession[] = [];
      for (let n = 0; n < count; n += 1) {
        const client = await SessionClient.open(running.origin);
        const session = new CheckedSession(client);
        const [first = '', ...others] = keys;
        await session.store(first, MIX.valueBytes);
        if (others.length > 0 && (await copyValues(running, client.sessionId, first, others))) {
          session.assumeCopies(first, others);
        } else {
          for (const key of others) await session.store(key, MIX.valueBytes);
        }
        sessions.push(session);
      }
      const workers = sessions.map((session, n) => caller(session, keys, MIX, n));
      await warmUp(running, workers);
      return {
        measure: (seconds) => measureLoad(running, workers, seconds),
        close: () => closeAll(sessions),
      };
    },
  };
}

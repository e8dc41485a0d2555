import { times } from '../contract/fixtures.ts';
import { SessionClient } from './clients.ts';
import { type CostRow, type Measure, rowOf } from './cost-row.ts';
import type { CostLab } from './lab.ts';

/** What sessions of the revisions up to 2025-11-25 cost beside their tool calls. */
export async function protocolCosts(lab: CostLab): Promise<CostRow[]> {
  const send = lab.service();
  const owned = lab.ownedSessions();
  const { request: scripted } = lab.streams();
  const open = (): Promise<SessionClient> => SessionClient.open(send);
  return [
    await rowOf('`initialize`', () => lab.charges(() => SessionClient.initialize(send))),
    await rowOf('`initialize` of a caller who is known by name', () =>
      lab.charges(() => SessionClient.initialize(owned)),
    ),
    await rowOf('`tools/list`, `ping`, a notification of the client', async () => {
      const client = await open();
      return lab.charges(() => client.request('tools/list'));
    }),
    await rowOf('`logging/setLevel`', async () => {
      const client = await SessionClient.open(scripted);
      return lab.charges(() => lab.overTime(client.request('logging/setLevel', { level: 'error' })));
    }),
    await rowOf('DELETE of a session without values', deletion(lab, open, 0)),
    await rowOf('DELETE of a session with one value', deletion(lab, open, 1)),
    await rowOf('DELETE of a session with 10 values', deletion(lab, open, 10)),
  ];
}

function deletion(lab: CostLab, open: () => Promise<SessionClient>, values: number): Measure {
  return async (value) => {
    const client = await open();
    await Promise.all(times(values, (index) => client.call('store_value', { key: `key-${index}`, value })));
    return lab.charges(() => lab.overTime(client.terminate()));
  };
}

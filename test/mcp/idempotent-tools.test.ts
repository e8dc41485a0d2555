import { expect, it, vi } from 'vitest';
import type { StateTool } from '../../src/adapters/mcp/session-tools/state-tool.ts';
import { deleteValue } from '../../src/adapters/mcp/tools/delete-value.ts';
import { storeValue } from '../../src/adapters/mcp/tools/store-value.ts';
import { sharedMemory } from '../../src/adapters/memory/store.ts';
import { OutcomeUnknown, StoreUnavailable } from '../../src/domain/errors.ts';
import { BEAT_MS, STILL_LOOKS } from '../../src/domain/liveness.ts';
import { NOW, outcomes } from '../contract/fixtures.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type SessionInstance, sessionInstance } from '../support/session-instance.ts';

const key = 'k';

/** A call of a tool of the service on one instance, as its client would make it. */
const calling = (tool: StateTool, { state }: SessionInstance, id: string) =>
  tool.run({ key, value: 1, idempotency_key: 'once' }, { state: state(id), settings: {} } as never);

// Catches: a write that is made a second time because its instance died, and undoes what was written since.
it.each([storeValue, deleteValue])('$name is not repeated over what was stored since', async (tool) => {
  const clock = new FakeClock(NOW);
  const shared = sharedMemory();
  const [dying, other] = [sessionInstance(shared, clock), sessionInstance(shared, clock)];
  const { id } = await other.sessions.open({
    principal: undefined,
    initialize: undefined,
    protocolVersion: undefined,
  });
  const hang = () => new Promise<never>(() => {});
  vi.spyOn(dying.store.sessions, 'storeValue').mockImplementation(hang);
  vi.spyOn(dying.store.sessions, 'deleteValue').mockImplementation(hang);
  void calling(tool, dying, id);
  await clock.advance(0);
  vi.spyOn(dying.store.instances, 'beat').mockRejectedValue(new StoreUnavailable());
  await other.state(id).set(key, 'stored since');
  const repeat = outcomes([calling(tool, other, id)]);
  await clock.advance(0);
  await clock.advance(BEAT_MS * STILL_LOOKS);
  expect((await repeat).errors).toEqual([new OutcomeUnknown()]);
  expect(await other.state(id).get(key)).toEqual({ value: 'stored since', version: 1 });
});

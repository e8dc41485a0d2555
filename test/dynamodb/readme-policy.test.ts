import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { IAM_ACTIONS } from '../../src/adapters/dynamodb/permissions.ts';

// Catches: a policy in the README that is not the one that the contract's runs were held against.
it('the README shows exactly the actions that are used', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const policy = /```json\n(\{\n {2}"Version"[\s\S]*?)```/.exec(readme)?.[1] as string;
  const { Statement: statements } = JSON.parse(policy) as { Statement: { Sid: string; Action: string[] }[] };
  const actionsOf = (sid: string) => statements.find(({ Sid }) => Sid === sid)?.Action.toSorted();
  const expected = (...purposes: (keyof typeof IAM_ACTIONS)[]) =>
    [...new Set<string>(purposes.flatMap((purpose) => IAM_ACTIONS[purpose]))].toSorted();
  expect(actionsOf('Run')).toEqual(expected('runtime'));
  expect(actionsOf('SetupAndTeardown')).toEqual(expected('setup', 'teardown'));
});

import { describe, expect, it } from 'vitest';
import { REQUIRED_CHECKS, REVISIONS, type Revision, SCENARIOS } from './scenarios.ts';
import { type Check, judge, type Verdict } from './verdict.ts';

const REVISION = '2025-11-25';

function succeeded(...ids: readonly string[]): Check[] {
  return ids.map((id) => ({ id, status: 'SUCCESS' }));
}

function fullRun(revision: Revision = REVISION): Map<string, Check[]> {
  return new Map(
    SCENARIOS[revision].map((scenario) => [
      scenario,
      succeeded(...(REQUIRED_CHECKS[scenario] ?? []), scenario),
    ]),
  );
}

function failed(verdicts: readonly Verdict[]): Record<string, readonly string[]> {
  const rows = verdicts.filter(({ problems }) => problems.length > 0);
  return Object.fromEntries(rows.map(({ scenario, problems }) => [scenario, problems]));
}

describe('the verdict on a conformance run', () => {
  describe.each(REVISIONS)('of %s', (revision) => {
    it('is good when every scenario ran and every check succeeded', () => {
      expect(failed(judge(revision, fullRun(revision)))).toEqual({});
    });

    it('is bad for every scenario when nothing ran', () => {
      expect(Object.keys(failed(judge(revision, new Map())))).toEqual(SCENARIOS[revision]);
    });
  });

  // Catches: one list for all revisions, by which scenarios of sessions pass for those of 2026-07-28.
  it('is bad when what ran is of another revision', () => {
    const problems = failed(judge('2026-07-28', fullRun('2025-06-18')));
    expect(problems['ping']).toEqual(['not in test/conformance/scenarios.ts for 2026-07-28']);
    expect(problems['caching']).toEqual(['did not run']);
    expect(problems['tools-list']).toBeUndefined();
  });

  it.each<[string, Check[] | undefined, string]>([
    ['did not run', undefined, 'did not run'],
    ['checked nothing', [], 'no check succeeded'],
    ['only reported', [{ id: 'a', status: 'INFO' }], 'no check succeeded'],
    ['only kept to the schema', [{ id: 'wire-schema-valid', status: 'SUCCESS' }], 'no check succeeded'],
    ['failed a check', [{ id: 'a', status: 'FAILURE', errorMessage: 'x' }], 'a: FAILURE, x'],
    ['skipped one', [...succeeded('a'), { id: 'b', status: 'SKIPPED' }], 'b: SKIPPED'],
  ])('is bad for a scenario that %s', (_, checks, problem) => {
    const results = fullRun();
    if (checks === undefined) results.delete('ping');
    else results.set('ping', checks);
    expect(failed(judge(REVISION, results))).toEqual({ ping: [problem] });
  });

  // Catches: a server that answers with JSON, or replays nothing. The suite itself only warns, or not even that.
  it.each(['INFO', 'WARNING', 'missing'])('is bad when the resume is %s', (status) => {
    const checks = succeeded('server-sse-priming-event');
    if (status !== 'missing') checks.push({ id: 'server-sse-disconnect-resume', status });
    const results = fullRun().set('server-sse-polling', checks);
    expect(failed(judge(REVISION, results))).toEqual({
      'server-sse-polling': [`server-sse-disconnect-resume must be SUCCESS, but is ${status}`],
    });
  });

  it('is good with a warning, which is kept', () => {
    const results = fullRun().set('ping', [
      ...succeeded('a'),
      { id: 'b', status: 'WARNING', errorMessage: 'slow' },
    ]);
    const verdicts = judge(REVISION, results);
    expect(failed(verdicts)).toEqual({});
    expect(verdicts.flatMap(({ warnings }) => warnings)).toEqual(['b: WARNING, slow']);
  });

  it('is bad for a scenario that is not on the list', () => {
    const results = fullRun().set('new', succeeded('new'));
    expect(failed(judge(REVISION, results))).toEqual({
      new: [`not in test/conformance/scenarios.ts for ${REVISION}`],
    });
  });
});

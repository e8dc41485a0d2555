import { describe, expect, it } from 'vitest';
import { SCENARIOS } from './scenarios.ts';
import { type Check, judge, type Verdict } from './verdict.ts';

const RESUMED: Check = { id: 'server-sse-disconnect-resume', status: 'SUCCESS' };

function fullRun(): Map<string, Check[]> {
  return new Map(
    SCENARIOS.map((scenario) => [
      scenario,
      scenario === 'server-sse-polling' ? [RESUMED] : [{ id: scenario, status: 'SUCCESS' }],
    ]),
  );
}

function failed(verdicts: readonly Verdict[]): Record<string, readonly string[]> {
  const rows = verdicts.filter(({ problems }) => problems.length > 0);
  return Object.fromEntries(rows.map(({ scenario, problems }) => [scenario, problems]));
}

describe('the verdict on a conformance run', () => {
  it('is good when every scenario ran and every check succeeded', () => {
    expect(failed(judge(fullRun()))).toEqual({});
  });

  it('is bad for every scenario when nothing ran', () => {
    expect(Object.keys(failed(judge(new Map())))).toEqual(SCENARIOS);
  });

  it.each<[string, Check[] | undefined, string]>([
    ['did not run', undefined, 'did not run'],
    ['checked nothing', [], 'no check succeeded'],
    ['only reported', [{ id: 'a', status: 'INFO' }], 'no check succeeded'],
    ['only kept to the schema', [{ id: 'wire-schema-valid', status: 'SUCCESS' }], 'no check succeeded'],
    ['failed a check', [{ id: 'a', status: 'FAILURE', errorMessage: 'x' }], 'a: FAILURE, x'],
    [
      'skipped one',
      [
        { id: 'a', status: 'SUCCESS' },
        { id: 'b', status: 'SKIPPED' },
      ],
      'b: SKIPPED',
    ],
  ])('is bad for a scenario that %s', (_, checks, problem) => {
    const results = fullRun();
    if (checks === undefined) results.delete('ping');
    else results.set('ping', checks);
    expect(failed(judge(results))).toEqual({ ping: [problem] });
  });

  // Catches: a server that answers with JSON, or replays nothing. The suite itself only warns, or not even that.
  it.each(['INFO', 'WARNING', 'missing'])('is bad when the resume is %s', (status) => {
    const priming: Check = { id: 'server-sse-priming-event', status: 'SUCCESS' };
    const checks = status === 'missing' ? [priming] : [priming, { ...RESUMED, status }];
    const results = fullRun().set('server-sse-polling', checks);
    expect(failed(judge(results))).toEqual({
      'server-sse-polling': [`server-sse-disconnect-resume must be SUCCESS, but is ${status}`],
    });
  });

  it('is good with a warning, which is kept', () => {
    const results = fullRun().set('ping', [
      { id: 'a', status: 'SUCCESS' },
      { id: 'b', status: 'WARNING', errorMessage: 'slow' },
    ]);
    const verdicts = judge(results);
    expect(failed(verdicts)).toEqual({});
    expect(verdicts.flatMap(({ warnings }) => warnings)).toEqual(['b: WARNING, slow']);
  });

  it('is bad for a scenario that is not on the list', () => {
    const results = fullRun().set('new', [{ id: 'new', status: 'SUCCESS' }]);
    expect(failed(judge(results))).toEqual({ new: ['not in test/conformance/scenarios.ts'] });
  });
});

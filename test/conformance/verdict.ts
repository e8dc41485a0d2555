import { REQUIRED_CHECKS, type Revision, SCENARIOS } from './scenarios.ts';

/** One check as the suite writes it down. */
export interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

/** The suite adds it to each scenario. It also succeeds when the server never said a word. */
const SCHEMA_CHECK = 'wire-schema-valid';

/** What became of one scenario; it passed if it has no problems. */
export interface Verdict {
  readonly scenario: string;
  readonly succeeded: number;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Judges a run more strictly than the suite does, for which a scenario passes when nothing failed in it: also when
 * nothing was checked, or when it did not run at all.
 *
 * @param results checks by scenario
 */
export function judge(revision: Revision, results: ReadonlyMap<string, readonly Check[]>): Verdict[] {
  const expected = SCENARIOS[revision];
  const known = expected.map((scenario) => judgeScenario(scenario, results.get(scenario)));
  const unknown = [...results.keys()]
    .filter((scenario) => !expected.includes(scenario))
    .map((scenario) => ({
      scenario,
      succeeded: 0,
      problems: [`not in test/conformance/scenarios.ts for ${revision}`],
      warnings: [],
    }));
  return [...known, ...unknown];
}

function judgeScenario(scenario: string, checks: readonly Check[] | undefined): Verdict {
  if (checks === undefined) return { scenario, succeeded: 0, problems: ['did not run'], warnings: [] };
  const succeeded = checks.filter(({ status }) => status === 'SUCCESS');
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const check of checks) {
    if (check.status === 'WARNING') warnings.push(describe(check));
    // INFO reports traffic. What else there is, a skipped check for one, is nothing that a full server brings about.
    else if (check.status !== 'SUCCESS' && check.status !== 'INFO') problems.push(describe(check));
  }
  for (const id of REQUIRED_CHECKS[scenario] ?? []) {
    if (succeeded.some((check) => check.id === id)) continue;
    const status = checks.find((check) => check.id === id)?.status ?? 'missing';
    problems.push(`${id} must be SUCCESS, but is ${status}`);
  }
  if (!succeeded.some(({ id }) => id !== SCHEMA_CHECK) && problems.length === 0) {
    problems.push('no check succeeded');
  }
  return { scenario, succeeded: succeeded.length, problems, warnings };
}

function describe({ id, status, errorMessage }: Check): string {
  const reason = errorMessage?.split('\n')[0]?.slice(0, 300) ?? '';
  return `${id}: ${status}${reason === '' ? '' : `, ${reason}`}`;
}

// Counts what ran, and fails where something that must run did not: a skipped suite looks green by itself.
import { readFileSync } from 'node:fs';

const REPORT = new URL('../coverage/test-results.json', import.meta.url);
/** Suites without which a run proves nothing, whatever else passed. */
const REQUIRED = ['test/contract/postgres.test.ts', 'test/contract/dynalite.test.ts'];

const [testsExit, checksPassed, checksFailed] = process.argv.slice(2).map(Number);
let passed = checksPassed;
let failed = checksFailed;

let report = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, testResults: [] };
try {
  report = JSON.parse(readFileSync(REPORT, 'utf8'));
} catch (error) {
  failed += 1;
  console.log(`FAILED: the tests left no report (${error.message})`);
}
passed += report.numPassedTests;
failed += report.numFailedTests;
if (testsExit !== 0 && report.numFailedTests === 0) {
  failed += 1;
  console.log(`FAILED: the test command exited with ${testsExit}`);
}

for (const file of REQUIRED) {
  const results = report.testResults.filter(({ name }) => name.endsWith(file));
  const statuses = results.flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status));
  if (statuses.length < 50 || statuses.some((status) => status !== 'passed')) {
    failed += 1;
    console.log(`FAILED: ${file} must run in full, but of ${statuses.length} tests not all passed`);
  }
}

for (const { assertionResults } of report.testResults) {
  for (const { status, fullName } of assertionResults) {
    if (status !== 'passed' && status !== 'failed') console.log(`${status}: ${fullName}`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

// Reads the runner's report, prints the closing line, and fails when a suite that must run in CI
// did not: a file of suites.json that is not in
// the report or passed no test. (What lacks a tool fails by itself: test/helpers/tools.ts.)
import { existsSync, readFileSync } from 'node:fs';

const [path, runnerExit] = process.argv.slice(2);
const problems = [];
let counts = { passed: 0, failed: 1, skipped: 0 };
if (!existsSync(path)) problems.push('the runner wrote no report');
else {
  const report = JSON.parse(readFileSync(path, 'utf8'));
  const skipped = report.numPendingTests + report.numTodoTests;
  counts = { passed: report.numPassedTests, failed: report.numFailedTests, skipped };
  const demanded = JSON.parse(readFileSync(new URL('suites.json', import.meta.url), 'utf8'));
  for (const suite of demanded) {
    const files = report.testResults.filter(({ name }) => name.includes(suite));
    const results = files.flatMap(({ assertionResults }) => assertionResults);
    if (!results.some(({ status }) => status === 'passed'))
      problems.push(`${suite}: no test passed`);
  }
  // A file that failed to load has no tests to count.
  for (const { name, status, assertionResults } of report.testResults) {
    if (status === 'failed' && assertionResults.every((test) => test.status !== 'failed')) {
      problems.push(`${name}: the file failed`);
      counts.failed += 1;
    }
  }
}
for (const problem of problems) console.log(`CI: ${problem}`);
if (problems.length > 0 && counts.failed === 0) counts.failed = problems.length;
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(Number(runnerExit) !== 0 || problems.length > 0 ? 1 : 0);

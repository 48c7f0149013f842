// Over the JSON results of several runs of vitest: each failure once more with its reason, so that whoever sees only the end of
// a long log knows what to look at, then `N passed, N failed`. Exits 1 when anything failed or a run left no results.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const REASON_LINES = 12;

let passed = 0;
const failures = [];
for (const file of process.argv.slice(2)) {
  try {
    const results = JSON.parse(readFileSync(file, 'utf8'));
    passed += results.numPassedTests;
    failures.push(...results.testResults.flatMap(failuresOf));
  } catch (error) {
    failures.push({ what: `No results in ${file}`, reason: error.message });
  }
}
for (const { what, reason } of failures)
  process.stdout.write(`FAILED ${what}\n${reason.split('\n').slice(0, REASON_LINES).join('\n').replace(/^/gm, '    ')}\n`);
process.stdout.write(`${passed} passed, ${failures.length} failed\n`);
process.exitCode = failures.length === 0 && passed > 0 ? 0 : 1;

function failuresOf({ name, status, message, assertionResults }) {
  const file = relative(process.cwd(), name);
  const failed = assertionResults.filter((test) => test.status === 'failed');
  // A file that could not be loaded, or that left something open, fails without a failed test of its own.
  if (status === 'failed' && failed.length === 0) return [{ what: file, reason: message ?? '' }];
  return failed.map((test) => ({ what: `${file} > ${test.fullName}`, reason: test.failureMessages.join('\n') }));
}

// Prints `N passed, N failed` over the JSON results of several runs of vitest; exits 1 when anything failed or a run left no results.
import { readFileSync } from 'node:fs';

let passed = 0;
let failed = 0;
for (const file of process.argv.slice(2)) {
  try {
    const results = JSON.parse(readFileSync(file, 'utf8'));
    passed += results.numPassedTests;
    failed += results.numFailedTests;
    // A file that could not be loaded, or that left something open, fails without a failed test of its own.
    for (const { status, assertionResults } of results.testResults)
      if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed')) failed += 1;
  } catch (error) {
    process.stderr.write(`No results in ${file}: ${error.message}\n`);
    failed += 1;
  }
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

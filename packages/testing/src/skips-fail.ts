import type { Reporter, TestModule } from 'vitest/node';

/** With `REQUIRE_ALL=1` a run with any skipped or unfinished test is a failed run, whatever made it skip. */
export class SkipsFail implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    if (process.env['REQUIRE_ALL'] !== '1') return;
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests()].filter((test) => test.result().state === 'skipped' || test.result().state === 'pending'),
    );
    if (skipped.length === 0) return;
    process.exitCode = 1;
    const names = skipped.map((test) => `  ${test.module.relativeModuleId} > ${test.fullName}`).join('\n');
    process.stderr.write(`\nREQUIRE_ALL=1 allows no skips, but ${skipped.length} tests did not run:\n${names}\n`);
  }
}

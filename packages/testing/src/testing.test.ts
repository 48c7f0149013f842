import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'marquee-testing-'));
afterAll(() => rmSync(folder, { recursive: true }));

symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
writeFileSync(
  join(folder, 'vitest.config.ts'),
  `import { SkipsFail } from '${here}skips-fail.js';
   export default { test: { setupFiles: ['${here}no-leaks.setup.ts'], reporters: ['default', new SkipsFail()], pool: 'forks' } };`,
);

/** Runs made-up test files the way the real ones are run. */
function run(bodies: Record<string, string>, environment: Record<string, string> = {}) {
  const tests = join(folder, 'tests');
  rmSync(tests, { recursive: true, force: true });
  mkdirSync(tests);
  const imports = `import { createServer } from 'node:http';\nimport { spawn } from 'node:child_process';\nimport { test, expect } from 'vitest';\nimport { requireOrSkip } from '${here}require.js';\n`;
  for (const [name, body] of Object.entries(bodies)) writeFileSync(join(tests, `${name}.test.ts`), imports + body);
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [vitest, 'run', '--no-color'], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...environment },
  });
  return { status, said: stdout + stderr };
}

describe('a test file', { timeout: 180_000 }, () => {
  it('passes when it closes what it opens, though closing takes a while', () => {
    const { status, said } = run({
      clean: `test('clean', async () => {
        const server = createServer((_, response) => response.end('hello')).listen(0);
        await new Promise((listening) => server.once('listening', listening));
        const answer = await fetch('http://127.0.0.1:' + server.address().port);
        expect(await answer.text()).toBe('hello');
        setTimeout(() => server.close(), 200);
      });`,
    });
    expect(said).toContain('1 passed');
    expect(status).toBe(0);
  });

  it('fails when it leaves a timer, a server or a process behind, and can be shown where', () => {
    const { status, said } = run(
      {
        timer: "test('leaves', () => {\n setInterval(() => {}, 1000);\n});",
        server: "test('leaves', () => {\n createServer().listen(0);\n});",
        process: "test('leaves', () => {\n spawn('sleep', ['20'], { stdio: 'ignore' });\n});",
      },
      { TRACE_LEAKS: '1' },
    );
    for (const [name, kind] of [
      ['timer', 'Timeout'],
      ['server', 'TCPServerWrap'],
      ['process', 'ProcessWrap'],
    ])
      expect(said).toMatch(new RegExp(`left open: ${kind} \\(\\w+\\n\\s+at .*/${name}\\.test\\.ts:6:`));
    expect(said).toMatch(/Test Files\s+3 failed \(3\)/);
    expect(status).toBe(1);
  });
});

describe('what the machine lacks', { timeout: 180_000 }, () => {
  const lacking = "const tool = requireOrSkip(undefined, 'a torque wrench');\ntest.skipIf(tool === undefined)('turns', () => {});";
  const skipping = {
    skip: "test.skip('some', () => {});",
    todo: "test.todo('some');",
    context: "test('some', (context) => context.skip());",
    passing: "test('other', () => {});",
  };

  it('skips, and says so', () => {
    const { status, said } = run({ lacking, ...skipping });
    expect(said).toContain('SKIPPED: a torque wrench was not found on this machine');
    expect(status).toBe(0);
  });

  it('fails where all is required', () => {
    const { status, said } = run({ lacking }, { REQUIRE_ALL: '1' });
    expect(said).toContain('REQUIRE_ALL=1, but a torque wrench was not found');
    expect(status).toBe(1);
  });

  it('fails where all is required, whatever makes it skip', () => {
    const { status, said } = run(skipping, { REQUIRE_ALL: '1' });
    expect(said).toContain('REQUIRE_ALL=1 allows no skips, but 3 tests did not run:');
    for (const name of ['skip', 'todo', 'context']) expect(said).toContain(`${name}.test.ts > some`);
    expect(status).toBe(1);
  });
});

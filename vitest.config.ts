import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { SkipsFail } from './packages/testing/src/skips-fail.js';

const POSTGRES = 'apps/server/src/test/support/postgres.global.ts';
const PAGES = 'scripts/pages.global.mjs';

/** One PostgreSQL is started for the server's tests, and only when some of them run. */
export function projects(endings: string, testTimeout: number, exclude: string[] = []): TestProjectInlineConfiguration[] {
  const project = (name: string, folders: string[], globalSetup: string[] = []): TestProjectInlineConfiguration => ({
    test: {
      name,
      include: folders.map((folder) => `${folder}/**/*.${endings}`),
      exclude: [...configDefaults.exclude, '**/dist/**', ...exclude],
      globalSetup,
      setupFiles: ['packages/testing/src/no-leaks.setup.ts'],
      pool: 'forks',
      testTimeout,
      hookTimeout: Math.max(testTimeout, 120_000),
      // A limit for what never comes, not a measure of speed: the machine may have fifteen times as much to do as it can.
      expect: { poll: { timeout: 30_000 } },
    },
  });
  return [
    project('server', ['apps/server/src'], [POSTGRES]),
    project('pages', ['apps/player', 'apps/console'], [PAGES]),
    project('packages', ['packages', 'bench', 'scripts']),
  ];
}

/** `TEST_JSON=file` also writes the results there, for the closing line of continuous integration. */
export const run = {
  reporters: ['default', ...jsonResults(), new SkipsFail()],
  // Most files wait for a database or a browser; beyond six at once they only wait for each other.
  maxWorkers: Math.min(Math.max(availableParallelism(), 2), 6),
};

function jsonResults(): ['json', { outputFile: string }][] {
  const outputFile = process.env['TEST_JSON'];
  return outputFile === undefined ? [] : [['json', { outputFile }]];
}

export default defineConfig({
  test: { ...run, projects: projects('test.{ts,tsx}', 90_000, ['**/*.{deep,long}.test.ts']) },
});

import { defineConfig } from 'vitest/config';
import { projects, run } from './vitest.config.js';

// What takes minutes: 20,000 screens, kills at random, long clocks.
export default defineConfig({
  test: { ...run, projects: projects('deep.test.{ts,tsx}', 600_000), passWithNoTests: true },
});

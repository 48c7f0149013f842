import { defineConfig } from 'vitest/config';
import { projects, run } from './vitest.config.js';

// `deep`: what takes minutes: 20,000 screens, kills at random, long clocks. `long`: what takes half a minute a file, run by continuous integration.
export default defineConfig({
  test: { ...run, projects: projects('{deep,long}.test.{ts,tsx}', 600_000), passWithNoTests: true },
});

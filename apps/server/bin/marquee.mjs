#!/usr/bin/env node
// Committed, unlike what is built, so that npm can link it at install.
import { existsSync } from 'node:fs';

const built = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(built)) await import(built.href);
else {
  process.stderr.write('Marquee is not built yet: run npm run build.\n');
  process.exitCode = 1;
}

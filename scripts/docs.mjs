// Prints the pages under docs/ that are made from the code.
import { writeFileSync } from 'node:fs';
import { configurationMarkdown } from '../apps/server/dist/config/markdown.js';

writeFileSync(new URL('../docs/configuration.md', import.meta.url), configurationMarkdown());

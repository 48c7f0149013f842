// Builds what is stale, then becomes the server: one process, so that Ctrl-C, signals and the exit code are the server's own.
import './node-version.mjs';
import { buildOrExit } from './build.mjs';

await buildOrExit('server', 'player', 'console');
await import('../apps/server/dist/main.js');

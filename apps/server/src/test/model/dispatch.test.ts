import { test } from 'vitest';
import { runSequences } from './sequences.js';

test('whatever users, workers, the bus and time do, rows are what the protocol says and nobody gets it twice', async () => {
  await runSequences(200);
}, 180_000);

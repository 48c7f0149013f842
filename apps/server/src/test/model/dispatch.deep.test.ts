import { test } from 'vitest';
import { runSequences } from './sequences.js';

test('the same over many more sequences', async () => {
  await runSequences(2000);
}, 1_800_000);

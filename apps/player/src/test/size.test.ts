import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

/** The player as it was built from the present sources before the tests began. */
const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
const MOST_BYTES = 150_000;

/** Screens hang on thin lines: all that one loads before it shows its first campaign, MQTT included. */
test('the page of a screen is small', () => {
  const html = readFileSync(join(DIST, 'index.html'), 'utf8');
  const loaded = [...html.matchAll(/(?:src|href)="\/player\/([^"]+\.(?:js|css))"/g)].map(([, name = '']) => name);
  expect(loaded.length).toBeGreaterThan(0);
  const sizes = ['index.html', 'sw.js', ...loaded].map((name) => [name, gzipSync(readFileSync(join(DIST, name))).length] as const);
  const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
  expect(total, sizes.map(([name, bytes]) => `${name}: ${bytes} bytes of gzip`).join('\n')).toBeLessThan(MOST_BYTES);
});

import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const WORKER = 'sw.js';

/** Writes into the built service worker which files it is to keep, with their digests: another build is another worker. */
function keptFiles(): Plugin {
  return {
    name: 'marquee-kept-files',
    apply: 'build',
    async writeBundle({ dir = '' }, bundle) {
      const digest = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
      const names = Object.keys(bundle).filter((name) => name !== WORKER);
      const files = await Promise.all(
        names.sort().map(async (name) => [name === 'index.html' ? './' : name, digest(await readFile(join(dir, name)))]),
      );
      const worker = await readFile(join(dir, WORKER), 'utf8');
      const list = JSON.stringify(files);
      const version = digest(`${list}${worker}`).slice(0, 16);
      await writeFile(join(dir, WORKER), `const MARQUEE_FILES=${list},MARQUEE_VERSION='${version}';\n${worker}`);
    },
  };
}

export default defineConfig({
  base: '/player/',
  plugins: [keptFiles()],
  build: {
    outDir: 'dist',
    // Screens are kept for years, and so are their browsers.
    target: 'es2022',
    rollupOptions: {
      input: { index: join(import.meta.dirname, 'index.html'), worker: join(import.meta.dirname, 'worker/worker.ts') },
      output: {
        // The worker's address must stay: a browser knows it by that.
        entryFileNames: ({ name }) => (name === 'worker' ? WORKER : 'assets/[name]-[hash].js'),
      },
    },
  },
});

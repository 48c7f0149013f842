import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where `vite dev` finds the API: `MARQUEE_API=http://127.0.0.1:3000`. */
const api = process.env['MARQUEE_API'] ?? 'http://127.0.0.1:3000';
const apiPaths = [
  'campaigns',
  'screens',
  'executions',
  'deliveries',
  'audiences',
  'assets',
  'templates',
  'client-config',
  'time',
  'player',
];

export default defineConfig({
  base: '/',
  plugins: [react()],
  build: {
    outDir: 'dist',
    // The API owns /assets; the server answers /console-assets from this build.
    assetsDir: 'console-assets',
    // A data: URL would need an exception in the page's content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: Object.fromEntries(apiPaths.map((path) => [`/${path}`, { target: api }])) },
});

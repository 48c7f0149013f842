import { defineConfig } from 'vite';

export default defineConfig({
  base: '/player/',
  build: {
    outDir: 'dist',
    // Screens are kept for years, and so are their browsers.
    target: 'es2022',
  },
});

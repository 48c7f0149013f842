import { defineConfig } from 'vite';

export default defineConfig({
  base: '/player/',
  build: {
    outDir: 'dist',
    // Screens are kept for years: WebViews of that age still run the page.
    target: 'es2022',
    // One file: a screen that loses its network between two requests must not be left with half a page.
    assetsInlineLimit: 16_384,
    reportCompressedSize: true,
    chunkSizeWarningLimit: 500,
  },
});

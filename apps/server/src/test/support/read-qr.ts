import { createRequire } from 'node:module';
import type { Browser } from '@marquee/testing';

const READER = createRequire(import.meta.url).resolve('jsqr');

/** What the QR code in a picture (PNG) says, as a phone would read it; undefined when none is found. */
export async function readQr(browser: Browser, png: Buffer): Promise<string | undefined> {
  const page = await browser.newPage();
  try {
    await page.addScriptTag({ path: READER });
    // Text: this program knows no DOM.
    const read = await page.evaluate<string | null>(`(async () => {
      const bitmap = await createImageBitmap(await (await fetch('data:image/png;base64,${png.toString('base64')}')).blob());
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      const context = canvas.getContext('2d');
      context.drawImage(bitmap, 0, 0);
      const { data, width, height } = context.getImageData(0, 0, bitmap.width, bitmap.height);
      return jsQR(data, width, height)?.data ?? null;
    })()`);
    return read ?? undefined;
  } finally {
    await page.close();
  }
}

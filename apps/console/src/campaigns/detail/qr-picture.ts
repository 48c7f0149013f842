import { QR_QUIET_ZONE, qrPath } from '@marquee/contracts';
import { encode } from 'uqr';

/** A QR code with its quiet zone: so many modules a side, and the dark ones as a path. */
export interface QrPicture {
  side: number;
  path: string;
}

export function qrPicture(text: string): QrPicture {
  const { size, data } = encode(text, { ecc: 'M', boostEcc: true, border: 0 });
  return { side: size + 2 * QR_QUIET_ZONE, path: qrPath(data) };
}

export const QR_BOX = (side: number): string => `${-QR_QUIET_ZONE} ${-QR_QUIET_ZONE} ${side} ${side}`;

/** As a file for print: it grows to any size. */
export function qrSvg({ side, path }: QrPicture): Blob {
  const box = QR_BOX(side);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box}" width="${side * 10}" height="${side * 10}" shape-rendering="crispEdges"><path fill="#fff" d="M${-QR_QUIET_ZONE} ${-QR_QUIET_ZONE}h${side}v${side}h-${side}z"/><path d="${path}"/></svg>`;
  return new Blob([svg], { type: 'image/svg+xml' });
}

/** Pixels of one module: about a thousand a side. */
const MODULE_PX = 24;

export async function qrPng({ side, path }: QrPicture): Promise<Blob> {
  const canvas = document.createElement('canvas');
  canvas.width = side * MODULE_PX;
  canvas.height = side * MODULE_PX;
  const to = canvas.getContext('2d');
  if (to === null) throw new Error('this browser draws no pictures');
  to.fillStyle = '#fff';
  to.fillRect(0, 0, canvas.width, canvas.height);
  to.scale(MODULE_PX, MODULE_PX);
  to.translate(QR_QUIET_ZONE, QR_QUIET_ZONE);
  to.fillStyle = '#000';
  const dark = new Path2D(path);
  // oxlint-disable-next-line unicorn/no-array-fill-with-reference-type -- a canvas is filled, no array
  to.fill(dark);
  return await new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new Error('this browser made no picture')) : resolve(blob)), 'image/png');
  });
}

import { QR_QUIET_ZONE, qrPath } from '@marquee/contracts';
import { encode } from 'uqr';

/** A QR code of this text with its quiet zone, dark on white, as SVG. Level M: a reflection or a scratch over 15 % of it does no harm. */
export function qrSvg(text: string): string {
  const { data, size } = encode(text, { ecc: 'M', boostEcc: true, border: 0 });
  const side = size + 2 * QR_QUIET_ZONE;
  const box = `${-QR_QUIET_ZONE} ${-QR_QUIET_ZONE} ${side} ${side}`;
  return `<svg class="qr" viewBox="${box}" shape-rendering="crispEdges"><path d="${qrPath(data)}"/></svg>`;
}

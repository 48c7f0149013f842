import { codeBody, codeText, fromBase64Url, qrPath, SCREEN_DIGEST_BYTES } from '@marquee/contracts/player';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { encode } from 'uqr';
import type { Offer } from './manifest.js';

/** A QR code without its quiet zone: so many modules a side, the dark ones as an SVG path in units of a module. */
export interface QrPicture {
  size: number;
  path: string;
}

/**
 * The QR code of an asset on this screen. Made of what the manifest brought alone, and without `crypto.subtle`, so that a screen without a link
 * or a secure context draws its own. Undefined where the campaign leads nowhere.
 */
export function qrOf({ codes, assets }: Offer, assetId: string, deviceId: string): QrPicture | undefined {
  const number = assets.find(({ id }) => id === assetId)?.number;
  const key = codes === undefined ? undefined : fromBase64Url(codes.key);
  if (codes === undefined || number === undefined || key === undefined) return undefined;
  const body = codeBody(number, sha256(utf8ToBytes(deviceId)).subarray(0, SCREEN_DIGEST_BYTES));
  const { size, data } = encode(codes.url + codeText(body, hmac(sha256, key, body)), { ecc: 'M', boostEcc: true, border: 0 });
  return { size, path: qrPath(data) };
}

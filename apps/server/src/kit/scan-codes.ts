import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { CODE_MAC_BYTES, codeBody, codeText, pathTo, type ReadCode, SCREEN_DIGEST_BYTES } from '@marquee/contracts';

/** The code of an asset, signed with its campaign's key; of one screen where one is named. */
export function scanCode(key: Buffer, assetNumber: number, deviceId?: string): string {
  const body = codeBody(assetNumber, deviceId === undefined ? undefined : screenDigest(deviceId));
  return codeText(body, createHmac('sha256', key).update(body).digest());
}

/** True when the code was made with this key. */
export function isGenuine({ signed, mac }: ReadCode, key: Buffer): boolean {
  return timingSafeEqual(createHmac('sha256', key).update(signed).digest().subarray(0, CODE_MAC_BYTES), mac);
}

/** Where the QR code of an asset leads, of a server under this address. */
export function scanLink(apiBaseUrl: string, code: string): string {
  return `${apiBaseUrl}${pathTo('scan', code)}`;
}

/** As the SQL function of this name makes it. */
function screenDigest(deviceId: string): Buffer {
  return createHash('sha256').update(deviceId, 'utf8').digest().subarray(0, SCREEN_DIGEST_BYTES);
}

import { createHash, createHmac } from 'node:crypto';
import { qrPath, readCode } from '@marquee/contracts/player';
import { encode } from 'uqr';
import { describe, expect, test } from 'vitest';
import { type Offer, readOffer } from './manifest.js';
import { qrOf } from './qr.js';

const KEY = Buffer.from('0123456789abcdef');
const CODES = { url: 'https://marquee.example/c/', key: KEY.toString('base64url') };

function offer(more: Record<string, unknown> = {}, number: unknown = 300): Offer {
  const read = readOffer(
    JSON.stringify({
      campaignId: 'c',
      version: 1,
      startAt: 0,
      expireAt: 1,
      templateUrl: 'http://server/t',
      assets: [{ id: 'a', url: 'http://server/a', checksum: '', sizeBytes: 0, number }],
      codes: CODES,
      ...more,
    }),
    'http://server/player/',
  );
  if (!read.ok) throw new Error(read.reason);
  return read.offer;
}

describe('the QR code of a screen', () => {
  test('says the asset and the screen, signed as the server verifies it, without crypto.subtle', () => {
    const digest = createHash('sha256').update('lobby-1').digest().subarray(0, 6);
    const body = Buffer.concat([Buffer.from([0xac, 0x02]), digest]);
    const code = Buffer.concat([body, createHmac('sha256', KEY).update(body).digest().subarray(0, 6)]).toString('base64url');
    expect(readCode(code)?.assetNumber).toBe(300);
    const { size, data } = encode(`https://marquee.example/c/${code}`, { ecc: 'M', boostEcc: true, border: 0 });
    expect(qrOf(offer(), 'a', 'lobby-1')).toEqual({ size, path: qrPath(data) });
    expect(qrOf(offer(), 'a', 'lobby-2')?.path).not.toBe(qrPath(data));
  });

  test('is none for an asset of another campaign', () => expect(qrOf(offer(), 'b', 'lobby-1')).toBeUndefined());

  test.each<[string, Record<string, unknown>]>([
    ['no codes', { codes: undefined }],
    ['codes that are no object', { codes: 'x' }],
    ['an address of another kind', { codes: { ...CODES, url: 'javascript:alert(1)//' } }],
    ['an address that is too long', { codes: { ...CODES, url: `https://${'x'.repeat(600)}/` } }],
    ['a key that is no base64url', { codes: { ...CODES, key: 'a b' } }],
    ['an empty key', { codes: { ...CODES, key: '' } }],
  ])('is none with %s, and the campaign is taken all the same', (_, more) => {
    expect(qrOf(offer(more), 'a', 'lobby-1')).toBeUndefined();
  });

  test.each([-1, 1.5, '7', null])('is none for the number %j', (number) => {
    expect(qrOf(offer({}, number), 'a', 'lobby-1')).toBeUndefined();
  });
});

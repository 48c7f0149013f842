import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CODE_MAC_BYTES, codeBody, codeText, fromBase64Url, MAX_CODE_LENGTH, qrPath, readCode, toBase64Url } from './click-codes.js';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const hmac = bytes(32);
const LETTERS = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/% é');
const number = fc.oneof(fc.nat(), fc.maxSafeNat());

describe('a code', () => {
  test('is read as it was made, with a screen and without', () => {
    fc.assert(
      fc.property(number, fc.option(bytes(6), { nil: undefined }), hmac, (assetNumber, screenDigest, mac) => {
        const body = codeBody(assetNumber, screenDigest);
        const text = codeText(body, mac);
        expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(text.length).toBeLessThanOrEqual(MAX_CODE_LENGTH);
        expect(readCode(text)).toEqual({ assetNumber, screenDigest, signed: body, mac: mac.subarray(0, CODE_MAC_BYTES) });
      }),
    );
  });

  test('is short: 11 characters for the first 16,000 assets, 19 on a screen', () => {
    expect(codeText(codeBody(16_383), new Uint8Array(32))).toHaveLength(11);
    expect(codeText(codeBody(16_383, new Uint8Array(6)), new Uint8Array(32))).toHaveLength(19);
  });

  test('has one spelling: another text is another code or none', () => {
    fc.assert(
      fc.property(number, hmac, fc.nat(), fc.constantFrom(...LETTERS), (n, mac, at, letter) => {
        const text = codeText(codeBody(n), mac);
        const place = at % text.length;
        fc.pre(text[place] !== letter);
        const altered = readCode(text.slice(0, place) + letter + text.slice(place + 1));
        if (altered === undefined) return;
        expect([...altered.signed, ...altered.mac]).not.toEqual([...codeBody(n), ...mac.subarray(0, CODE_MAC_BYTES)]);
      }),
    );
  });

  test.each([
    '',
    'A',
    'AAAAAAAA',
    'AAAAAAAAAA=',
    '../../etc',
    'é'.repeat(11),
    '_'.repeat(MAX_CODE_LENGTH),
    'A'.repeat(MAX_CODE_LENGTH + 1),
    '__________8AAAAAAAA',
  ])('%j is none', (text) => expect(readCode(text)).toBeUndefined());
});

test('base64url is that of Node', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (some) => {
      expect(toBase64Url(some)).toBe(Buffer.from(some).toString('base64url'));
      expect(fromBase64Url(toBase64Url(some))).toEqual(some);
    }),
  );
});

test('a row of dark modules is one rectangle', () => {
  expect(
    qrPath([
      [true, true, false, true],
      [false, false, false, false],
    ]),
  ).toBe('M0 0h2v1h-2zM3 0h1v1h-1z');
});

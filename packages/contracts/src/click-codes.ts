/**
 * The code in the link of a QR code: which asset of which campaign is shown, and on which screen where a screen drew it.
 *
 * Bytes in base64url: the asset's number (LEB128) | the screen's digest, SCREEN_DIGEST_BYTES or nothing | CODE_MAC_BYTES of the HMAC-SHA-256
 * of all before it under the campaign's key. So a screen signs its own codes offline, and whoever has the key of one campaign can make
 * codes of no other: the number says whose key is asked for.
 */

/** One guess in 2^48 is right, and every guess is a request. */
export const CODE_MAC_BYTES = 6;
/** The first bytes of the SHA-256 of the device id in UTF-8: of 20,000 screens no two share them, but for one fleet in a million. */
export const SCREEN_DIGEST_BYTES = 6;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** As many bytes as a safe integer takes, seven bits a byte. */
const MAX_NUMBER_BYTES = 8;
/** No code is longer; what is longer is not read. */
export const MAX_CODE_LENGTH = Math.ceil(((MAX_NUMBER_BYTES + SCREEN_DIGEST_BYTES + CODE_MAC_BYTES) * 4) / 3);

/** What a code says. `signed`: the bytes under its `mac`. */
export interface ReadCode {
  assetNumber: number;
  screenDigest: Uint8Array | undefined;
  signed: Uint8Array;
  mac: Uint8Array;
}

/** What is to be signed for an asset, on a screen or on none. */
export function codeBody(assetNumber: number, screenDigest?: Uint8Array): Uint8Array {
  const bytes: number[] = [];
  let rest = assetNumber;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Uint8Array.from([...bytes, rest, ...(screenDigest ?? [])]);
}

/** The code, given the whole HMAC of its body. */
export function codeText(body: Uint8Array, hmac: Uint8Array): string {
  return toBase64Url(Uint8Array.from([...body, ...hmac.subarray(0, CODE_MAC_BYTES)]));
}

/** Undefined for what is no code; whether a code is genuine, its mac tells. One text alone reads as these bytes. */
export function readCode(text: string): ReadCode | undefined {
  if (text.length > MAX_CODE_LENGTH) return undefined;
  const bytes = fromBase64Url(text);
  if (bytes === undefined) return undefined;
  const signed = bytes.subarray(0, -CODE_MAC_BYTES);
  let assetNumber = 0;
  let at = 0;
  for (let weight = 1; ; weight *= 0x80) {
    const byte = signed[at];
    if (byte === undefined || at >= MAX_NUMBER_BYTES) return undefined;
    assetNumber += (byte & 0x7f) * weight;
    at += 1;
    if (byte < 0x80) break;
  }
  if (!Number.isSafeInteger(assetNumber)) return undefined;
  const digest = signed.subarray(at);
  if (digest.length !== 0 && digest.length !== SCREEN_DIGEST_BYTES) return undefined;
  return { assetNumber, screenDigest: digest.length === 0 ? undefined : digest, signed, mac: bytes.subarray(-CODE_MAC_BYTES) };
}

export function toBase64Url(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3);
    const word = (a << 16) | (b << 8) | c;
    const letters = [word >> 18, (word >> 12) & 63, (word >> 6) & 63, word & 63].slice(0, Math.min(3, bytes.length - at) + 1);
    text += letters.map((letter) => ALPHABET[letter]).join('');
  }
  return text;
}

/** Undefined where a character is none of the alphabet, or the bits left over are not zero. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let word = 0;
  let bits = 0;
  let at = 0;
  for (const letter of text) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) return undefined;
    word = ((word << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at] = (word >> bits) & 0xff;
      at += 1;
    }
  }
  return bits < 6 && (word & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}

/** What is left free around a QR code on each side, in modules (ISO/IEC 18004): without it phones do not find the code. */
export const QR_QUIET_ZONE = 4;

/** The dark modules of a QR code as an SVG path in units of a module, the code's corner at 0,0. */
export function qrPath(rows: readonly (readonly boolean[])[]): string {
  return rows
    .map((row, y) =>
      runsOf(row)
        .map(([x, length]) => `M${x} ${y}h${length}v1h-${length}z`)
        .join(''),
    )
    .join('');
}

function runsOf(row: readonly boolean[]): [x: number, length: number][] {
  const runs: [number, number][] = [];
  row.forEach((dark, x) => {
    const last = runs.at(-1);
    if (!dark) return;
    if (last !== undefined && last[0] + last[1] === x) last[1] += 1;
    else runs.push([x, 1]);
  });
  return runs;
}

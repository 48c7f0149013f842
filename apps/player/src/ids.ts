/**
 * A UUID of version 7 (RFC 9562 §5.7): 48 bits of `nowMs`, the rest random. Made by hand because `crypto.randomUUID` is
 * missing on plain HTTP by name (no secure context), where a screen must report all the same; `getRandomValues` is not.
 */
export function uuid(nowMs: number, fill: (bytes: Uint8Array<ArrayBuffer>) => void = (bytes) => crypto.getRandomValues(bytes)): string {
  const bytes = new Uint8Array(16);
  fill(bytes);
  const view = new DataView(bytes.buffer);
  const ms = Math.max(0, Math.floor(nowMs));
  view.setUint16(0, Math.floor(ms / 2 ** 32) & 0xffff);
  view.setUint32(2, ms >>> 0);
  view.setUint8(6, (view.getUint8(6) & 0x0f) | 0x70);
  view.setUint8(8, (view.getUint8(8) & 0x3f) | 0x80);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

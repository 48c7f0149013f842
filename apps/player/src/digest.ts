import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** Above this the digest is taken piece by piece: `crypto.subtle` wants all bytes in memory at once, and a video is large. */
const WHOLE_LIMIT = 16 * 1024 * 1024;

/**
 * SHA-256 of a blob as 64 lower-case hex digits. Where `crypto.subtle` is missing (no secure context: plain HTTP by
 * name) it is computed in the page, so that such a screen verifies what it plays too.
 */
export async function sha256Hex(blob: Blob, subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle): Promise<string> {
  if (subtle !== undefined && blob.size <= WHOLE_LIMIT) {
    return bytesToHex(new Uint8Array(await subtle.digest('SHA-256', await blob.arrayBuffer())));
  }
  const hash = sha256.create();
  const reader = blob.stream().getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) hash.update(piece.value);
  return bytesToHex(hash.digest());
}

/**
 * Follows the frames of one MQTT connection and answers whether a packet announces more bytes than allowed. The parsers
 * wait for a whole packet, up to 256 MB of it (MQTT 3.1.1 §2.2.3), before anyone can object; the guard knows from the
 * first five bytes. It copies nothing and costs one step a packet.
 */
export class FrameGuard {
  /** Bytes of the present packet that are still to come. */
  private body = 0;
  private inLength = false;
  private length = 0;
  private shift = 0;

  constructor(private readonly maxRemainingLength: number) {}

  /** Whether the stream is within bounds up to the end of this chunk. Once it answered false it must not be asked again. */
  admits(chunk: Uint8Array): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.body > 0) {
        const skipped = Math.min(this.body, chunk.length - at);
        this.body -= skipped;
        at += skipped;
        continue;
      }
      if (!this.inLength) {
        this.inLength = true;
        this.length = 0;
        this.shift = 0;
        at += 1;
        continue;
      }
      if (!this.takeLengthByte(chunk[at] ?? 0)) return false;
      at += 1;
    }
    return true;
  }

  /** Remaining length: seven bits a byte, low ones first, at most four bytes (MQTT 3.1.1 §2.2.3). */
  private takeLengthByte(byte: number): boolean {
    this.length += (byte & 0x7f) * 2 ** this.shift;
    if (this.length > this.maxRemainingLength) return false;
    if ((byte & 0x80) === 0) {
      this.inLength = false;
      this.body = this.length;
      return true;
    }
    this.shift += 7;
    return this.shift <= 21;
  }
}

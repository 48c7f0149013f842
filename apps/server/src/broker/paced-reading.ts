import type { Duplex } from 'node:stream';

/**
 * Bytes of all connections together that are parsed in one turn of the event loop: some 700 acknowledgements, about 10 ms.
 * Without a bound, one turn takes whatever thousands of sockets have to say: 20,000 acknowledgements at once held up
 * timers and publishes for up to 300 ms.
 */
const BYTES_A_TURN = 256 * 1024;

/** Shares out the turns of the event loop among connections that all have something to say. */
export class PacedReading {
  private read = 0;
  private turn: NodeJS.Immediate | undefined;
  private waiting = new Set<Duplex>();

  /**
   * Makes `connection.read(null)`, which is how aedes asks for all there is, answer null when this turn's share is used up;
   * 'readable' is emitted again in a later turn. Reads by the stream itself (other sizes) are left alone.
   */
  pace(connection: Duplex): void {
    const read = connection.read.bind(connection);
    connection.read = (size?: number | null): unknown => {
      if (size !== null) return read(size);
      if (this.read >= BYTES_A_TURN) {
        this.waiting.add(connection);
        return null;
      }
      const chunk: unknown = read();
      if (chunk instanceof Buffer) this.count(chunk.length);
      return chunk;
    };
  }

  private count(bytes: number): void {
    this.read += bytes;
    this.turn ??= setImmediate(() => this.nextTurn());
  }

  private nextTurn(): void {
    this.turn = undefined;
    this.read = 0;
    for (const connection of this.waiting) {
      if (this.read >= BYTES_A_TURN) return;
      this.waiting.delete(connection);
      if (!connection.destroyed) connection.emit('readable');
    }
  }
}

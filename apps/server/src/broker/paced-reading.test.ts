import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { PacedReading } from './paced-reading.js';

/** A stream that holds so many bytes, and has told so. */
async function holding(bytes: number, pacing: PacedReading): Promise<PassThrough> {
  const stream = new PassThrough({ highWaterMark: bytes * 2 });
  pacing.pace(stream);
  const readable = once(stream, 'readable');
  stream.write(Buffer.alloc(bytes));
  await readable;
  await setImmediate();
  return stream;
}

/** All there is, the way aedes asks for it. */
function takeAll(stream: PassThrough): number {
  const chunk = (stream as unknown as { read(size: null): unknown }).read(null);
  return chunk instanceof Buffer ? chunk.length : 0;
}

describe('PacedReading', () => {
  it('puts off what goes beyond the share of a turn to later turns, and loses nothing', async () => {
    const pacing = new PacedReading();
    const streams = [
      await holding(300_000, pacing),
      await holding(200_000, pacing),
      await holding(100_000, pacing),
      await holding(1000, pacing),
    ];
    const turns: number[][] = [[]];
    for (const stream of streams) {
      stream.on('readable', () => {
        const bytes = takeAll(stream);
        if (bytes > 0) turns.at(-1)?.push(bytes);
      });
    }
    // Every stream is asked within this turn, since a new listener is told of what is there.
    while (turns.flat().length < streams.length) {
      await setImmediate();
      turns.push([]);
    }
    expect(turns.filter((turn) => turn.length > 0)).toEqual([[300_000], [200_000, 100_000], [1000]]);
  });

  it('wakes nobody who has gone', async () => {
    const pacing = new PacedReading();
    const [one, gone, other] = [await holding(300_000, pacing), await holding(1000, pacing), await holding(1000, pacing)];
    for (const stream of [one, gone, other]) takeAll(stream);
    gone.destroy();
    const woken: string[] = [];
    gone.on('readable', () => woken.push('gone'));
    other.on('readable', () => woken.push(`other ${takeAll(other)}`));
    while (!woken.includes('other 1000')) await setImmediate();
    expect(woken).not.toContain('gone');
  });
});

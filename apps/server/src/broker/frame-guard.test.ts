import { generate } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { FrameGuard } from './frame-guard.js';

function publish(payloadBytes: number): Buffer {
  return generate({ cmd: 'publish', topic: 't', payload: Buffer.alloc(payloadBytes, 0xff), qos: 0, dup: false, retain: false });
}

describe('FrameGuard', () => {
  it('admits packets up to the limit, however they are cut', () => {
    const stream = Buffer.concat([generate({ cmd: 'pingreq' }), publish(997), publish(0), publish(200), publish(997)]);
    for (const size of [1, 2, 3, 7, 128, 4096]) {
      const guard = new FrameGuard(1000);
      for (let at = 0; at < stream.length; at += size) expect(guard.admits(stream.subarray(at, at + size))).toBe(true);
    }
  });

  it('objects to a packet over the limit as soon as its length is known', () => {
    const guard = new FrameGuard(1000);
    expect(guard.admits(publish(997))).toBe(true);
    expect(guard.admits(publish(998).subarray(0, 3))).toBe(false);
  });

  it('objects to a length of more than four bytes', () => {
    expect(new FrameGuard(2 ** 28).admits(Buffer.from([0x10, 0x80, 0x80, 0x80, 0x80]))).toBe(false);
  });

  it('admits the longest packet of the protocol where that is the limit', () => {
    expect(new FrameGuard(268_435_455).admits(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]))).toBe(true);
  });
});

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sha256Hex } from './digest.js';

const bytes = Buffer.alloc(300_000, 'marquee');
const expected = createHash('sha256').update(bytes).digest('hex');

describe('the digest of a blob', () => {
  it('is the same with and without the browser’s own cryptography', async () => {
    expect(await sha256Hex(new Blob([bytes]))).toBe(expected);
    expect(await sha256Hex(new Blob([bytes]), undefined)).toBe(expected);
  });

  it('of a large blob is taken piece by piece', async () => {
    const large = Buffer.alloc(17 * 1024 * 1024, 7);
    const whole = { digest: () => Promise.reject(new Error('all at once')) } as unknown as SubtleCrypto;
    expect(await sha256Hex(new Blob([large]), whole)).toBe(createHash('sha256').update(large).digest('hex'));
  });
});

import { describe, expect, it } from 'vitest';
import { uuid } from './ids.js';

describe('an event id', () => {
  it('is a UUID of version 7 that carries its moment and sorts by it', () => {
    const at = Date.UTC(2026, 10, 22, 12, 34, 56, 789);
    const id = uuid(at);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(at);
    expect(uuid(at + 1) > uuid(at)).toBe(true);
  });

  it('is another one each time, and valid whatever the clock says', () => {
    expect(new Set(Array.from({ length: 1_000 }, () => uuid(5))).size).toBe(1_000);
    for (const now of [-1, 0, 2 ** 48 + 5, 1.5]) expect(uuid(now)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });
});

import { describe, expect, test } from 'vitest';
import { HandTiming } from '../test/support/click-parts.js';
import { CircuitBreaker } from './circuit-breaker.js';

interface Told {
  timing: HandTiming;
  breaker: CircuitBreaker;
  changes: string[];
  /** One attempt; false when none was let through. */
  attempt: (succeeds: boolean) => boolean;
}

function open(): Told {
  const timing = new HandTiming();
  const changes: string[] = [];
  const breaker = new CircuitBreaker({
    failures: 5,
    openMs: 60_000,
    successes: 2,
    clock: timing,
    onChange: (state, reason) => changes.push(`${state}: ${reason}`),
  });
  const attempt = (succeeds: boolean): boolean => {
    const permit = breaker.enter();
    if (succeeds) permit?.succeeded();
    else permit?.failed('no answer');
    return permit !== undefined;
  };
  return { timing, breaker, changes, attempt };
}

function opened(): Told {
  const told = open();
  for (let n = 0; n < 5; n += 1) told.attempt(false);
  return told;
}

describe('closed', () => {
  test('opens at the fifth failure in a row, and not at five with a success between', () => {
    const { breaker, changes, attempt } = open();
    for (let n = 0; n < 4; n += 1) attempt(false);
    attempt(true);
    for (let n = 0; n < 4; n += 1) attempt(false);
    expect(breaker.state).toBe('CLOSED');
    attempt(false);
    expect(breaker.state).toBe('OPEN');
    expect(changes).toEqual(['OPEN: no answer']);
  });

  test('opens at once when the other side is known to be away', () => {
    const { breaker, changes } = open();
    breaker.trip('the connection was lost');
    breaker.trip('the connection was lost');
    expect(changes).toEqual(['OPEN: the connection was lost']);
  });

  test('lets any number through at once, and an attempt without a verdict changes nothing', () => {
    const { breaker } = open();
    for (let n = 0; n < 20; n += 1) breaker.enter()?.void();
    expect(breaker.view()).toMatchObject({ state: 'CLOSED', failures: 0, retryAt: null });
  });
});

describe('open', () => {
  test('lets nothing through for 60 s and says until when; then it is half open', async () => {
    const { breaker, timing, changes, attempt } = opened();
    expect(breaker.view()).toEqual({ state: 'OPEN', failures: 5, since: timing.now(), retryAt: timing.now() + 60_000 });
    await timing.pass(59_999);
    expect(attempt(true)).toBe(false);
    await timing.pass(1);
    expect(breaker.state).toBe('HALF_OPEN');
    expect(changes).toHaveLength(2);
  });

  test('is half open as soon as the other side is heard of', () => {
    const { breaker, changes } = opened();
    breaker.reachable('the connection is back');
    expect(breaker.state).toBe('HALF_OPEN');
    expect(changes.at(-1)).toBe('HALF_OPEN: the connection is back');
  });

  test('hears nothing of attempts that began before', () => {
    const { breaker } = open();
    const early = breaker.enter();
    const late = breaker.enter();
    breaker.trip('away');
    early?.succeeded();
    expect(breaker.state).toBe('OPEN');
    breaker.reachable('back');
    late?.failed('no answer');
    expect(breaker.state).toBe('HALF_OPEN');
    expect(breaker.enter()).toBeDefined();
  });
});

describe('half open', () => {
  test('lets one attempt through at a time, and two successes close it', () => {
    const { breaker, changes, attempt } = opened();
    breaker.reachable('back');
    const first = breaker.enter();
    expect(breaker.enter()).toBeUndefined();
    first?.succeeded();
    first?.succeeded();
    expect(breaker.state).toBe('HALF_OPEN');
    expect(attempt(true)).toBe(true);
    expect(breaker.view()).toMatchObject({ state: 'CLOSED', failures: 0, retryAt: null });
    expect(changes).toHaveLength(3);
  });

  test('a failure opens it again for the whole time, and the successes before it do not count', async () => {
    const { breaker, timing, attempt } = opened();
    await timing.pass(60_000);
    attempt(true);
    attempt(false);
    expect(breaker.view()).toMatchObject({ state: 'OPEN', retryAt: timing.now() + 60_000 });
    await timing.pass(60_000);
    attempt(true);
    expect(breaker.state).toBe('HALF_OPEN');
  });

  test('an attempt without a verdict makes room for the next', () => {
    const { breaker, attempt } = opened();
    breaker.reachable('back');
    breaker.enter()?.void();
    expect(attempt(true)).toBe(true);
  });
});

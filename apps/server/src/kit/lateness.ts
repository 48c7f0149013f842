import type { Clock } from './clock.js';

/** How far back starts are looked at to tell what delay is usual, ms. */
const MEMORY_MS = 2000;

/**
 * Tells starts that are as late as all others, because a connection has to be opened first, from those that are late by accident. The usual
 * delay moves every start alike and changes no distance between two; an accident brings a start nearer to the one after it.
 */
export class Lateness {
  /** The least of the recent delays first, then the least of those after it, and so on. */
  private readonly least: { at: number; lateMs: number }[] = [];
  private usualMs = 0;
  private quietUntil = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    /** Between how many ms starts may vary; a delay that is not above it is none. */
    private readonly toleranceMs: number,
  ) {}

  /** Whether what was planned for this moment (monotonic) may start now. Ask it once for each start. */
  allows(plannedAt: number): boolean {
    const now = this.clock.monotonic();
    this.learn(now, now - plannedAt);
    return now >= this.quietUntil && now - plannedAt <= this.usualMs + (this.usualMs === 0 ? this.toleranceMs : this.toleranceMs / 2);
  }

  private learn(now: number, lateMs: number): void {
    const { least } = this;
    while (least.length > 1 && (least[0]?.at ?? now) < now - MEMORY_MS) least.shift();
    while ((least.at(-1)?.lateMs ?? Number.NEGATIVE_INFINITY) >= lateMs) least.pop();
    least.push({ at: now, lateMs });
    const seen = least[0]?.lateMs ?? lateMs;
    const usual = seen > this.toleranceMs ? seen : 0;
    const sooner = this.usualMs - usual;
    if (sooner > 0 && sooner <= this.toleranceMs / 2) return;
    // Those that come sooner from now on must not meet the last of those that came later.
    if (sooner > 0) this.quietUntil = now + sooner;
    this.usualMs = usual;
  }
}

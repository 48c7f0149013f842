import type { Copies } from './copies.js';
import { MAX_TIMER_MS } from './options.js';

/** Screens in one turn of the event loop: 20,000 events in one turn would hold back every other message for 0.3 s. */
const SLICE = 500;

/** Calls every screen when a campaign's hour comes: one timer a campaign and moment, not one a screen. */
export class Showtimes {
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly slices = new Set<NodeJS.Immediate>();

  constructor(private readonly screens: number) {}

  /** At `at` (epoch ms) calls `each` with every screen, then `ended`. Setting the same campaign and moment again replaces it. */
  set(copies: Copies, moment: 'start' | 'end', at: number, each: (screen: number) => void, ended?: () => void): void {
    const key = `${moment} ${copies.campaignId}`;
    clearTimeout(this.timers.get(key));
    const wait = Math.max(0, at - Date.now());
    const timer = setTimeout(
      () => {
        this.timers.delete(key);
        if (Date.now() < at) this.set(copies, moment, at, each, ended);
        else this.walk(0, each, ended);
      },
      Math.min(wait, MAX_TIMER_MS),
    );
    this.timers.set(key, timer);
  }

  stop(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    for (const slice of this.slices) clearImmediate(slice);
    this.timers.clear();
    this.slices.clear();
  }

  private walk(from: number, each: (screen: number) => void, ended: (() => void) | undefined): void {
    const to = Math.min(from + SLICE, this.screens);
    for (let screen = from; screen < to; screen += 1) each(screen);
    if (to >= this.screens) {
      ended?.();
      return;
    }
    const slice = setImmediate(() => {
      this.slices.delete(slice);
      this.walk(to, each, ended);
    });
    this.slices.add(slice);
  }
}

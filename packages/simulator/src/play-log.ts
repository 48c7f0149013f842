import type { Play } from '@marquee/contracts/player';
import type { Copies } from './copies.js';

/** Screens that log at once, and how soon the next ones do: 1,000 a second. All of 20,000 at once would hold back everything else. */
const TOGETHER = 100;
const APART_MS = 100;

export interface PlayLogOptions {
  screens: number;
  /** How often each screen logs, ms; 0: nothing is noted and nothing logged. */
  everyMs: number;
  /** A screen that cannot speak keeps its plays. */
  canSpeak: (screen: number) => boolean;
  /** Says what a screen has shown; at least one play. */
  say: (screen: number, plays: readonly [Play, ...Play[]]) => void;
}

interface Showing {
  copies: Copies;
  startedAt: number;
}

/**
 * Proof of play of simulated screens: what each has shown since its last log, every campaign as one play, as a template is logged that does
 * not tell its slides. What is still on is logged in pieces, one a log.
 */
export class PlayLog {
  private readonly showing = new Map<number, Map<string, Showing>>();
  private readonly ended = new Map<number, Play[]>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: PlayLogOptions) {}

  /** Each screen logs after `everyMs` for the first time. */
  start(): void {
    const { everyMs } = this.options;
    if (everyMs > 0) this.timer = setTimeout(() => this.walk(0, performance.now() + everyMs), everyMs);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  began(copies: Copies, screen: number): void {
    if (this.options.everyMs === 0) return;
    const showing = this.showing.get(screen) ?? new Map<string, Showing>();
    showing.set(copies.campaignId, { copies, startedAt: Date.now() });
    this.showing.set(screen, showing);
  }

  over(copies: Copies, screen: number): void {
    const showing = this.showing.get(screen);
    const last = showing?.get(copies.campaignId);
    if (last === undefined) return;
    showing?.delete(copies.campaignId);
    this.ended.set(screen, [...(this.ended.get(screen) ?? []), playOf(last, screen, Date.now())]);
  }

  private walk(from: number, nextAt: number): void {
    const to = Math.min(from + TOGETHER, this.options.screens);
    for (let screen = from; screen < to; screen += 1) this.log(screen);
    const more = to < this.options.screens;
    const wait = more ? APART_MS : Math.max(1, nextAt - performance.now());
    this.timer = setTimeout(() => (more ? this.walk(to, nextAt) : this.walk(0, performance.now() + this.options.everyMs)), wait);
  }

  private log(screen: number): void {
    if (!this.options.canSpeak(screen)) return;
    const now = Date.now();
    const showing = [...(this.showing.get(screen)?.values() ?? [])];
    const [first, ...others] = [...(this.ended.get(screen) ?? []), ...showing.map((each) => playOf(each, screen, now))];
    for (const each of showing) each.startedAt = now;
    this.ended.delete(screen);
    if (first !== undefined) this.options.say(screen, [first, ...others]);
  }
}

function playOf({ copies, startedAt }: Showing, screen: number, now: number): Play {
  const { campaignId } = copies;
  return { campaignId, version: copies.versionOn(screen), assetId: '', startedAt, durationMs: Math.max(0, now - startedAt) };
}

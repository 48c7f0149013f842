import type { AwayHabit, FlapHabit, Range, SkewHabit } from './options.js';

/** Which screens of a fleet behave how; those that flap, stay away and never answer are different ones. */
export interface Roles {
  flapping: readonly number[];
  away: readonly number[];
  silent: ReadonlySet<number>;
  /** Ms that a screen's clock is ahead of ours; 0 when it is right. */
  skewMs: Float64Array;
}

export interface RolesAsked {
  flap: FlapHabit | undefined;
  away: AwayHabit | undefined;
  silent: number;
  skew: SkewHabit | undefined;
}

/** Draws the roles; each share comes out exact, to the next lower screen. */
export function drawRoles(screens: number, asked: RolesAsked, random: () => number): Roles {
  const order = shuffled(screens, random);
  const take = (share: number): number[] => order.splice(0, Math.floor(share * screens + 1e-9));
  const silent = new Set(take(asked.silent));
  const away = take(asked.away?.share ?? 0);
  const flapping = take(asked.flap?.share ?? 0);
  const skewMs = new Float64Array(screens);
  const { skew } = asked;
  if (skew !== undefined) {
    const wrong = shuffled(screens, random).slice(0, Math.floor(skew.share * screens + 1e-9));
    for (const screen of wrong) skewMs[screen] = Math.round(between(skew.ms, random)) * (random() < 0.5 ? -1 : 1);
  }
  return { flapping, away, silent, skewMs };
}

/** Switches screens off and on by their habits until it is stopped. */
export class Habits {
  private readonly timers = new Map<number, NodeJS.Timeout>();

  constructor(
    private readonly roles: Roles,
    private readonly asked: Pick<RolesAsked, 'flap' | 'away'>,
    private readonly random: () => number,
    private readonly turn: (screens: readonly number[], on: boolean) => void,
  ) {}

  /** Those that stay away go now and come back together; those that flap are each somewhere in its own turn. */
  start(): void {
    const { flap, away } = this.asked;
    if (away !== undefined && this.roles.away.length > 0) {
      this.turn(this.roles.away, false);
      if (away.forMs !== undefined) this.later(-1, away.forMs, () => this.turn(this.roles.away, true));
    }
    if (flap === undefined) return;
    for (const screen of this.roles.flapping) this.later(screen, this.random() * flap.onMs.max, () => this.flap(screen, false, flap));
  }

  stop(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  private flap(screen: number, on: boolean, flap: FlapHabit): void {
    this.turn([screen], on);
    this.later(screen, between(on ? flap.onMs : flap.offMs, this.random), () => this.flap(screen, !on, flap));
  }

  private later(key: number, ms: number, work: () => void): void {
    this.timers.set(
      key,
      setTimeout(() => {
        this.timers.delete(key);
        work();
      }, ms),
    );
  }
}

function between({ min, max }: Range, random: () => number): number {
  return min + random() * (max - min);
}

function shuffled(count: number, random: () => number): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const [a, b] = [order[last] ?? 0, order[other] ?? 0];
    order[last] = b;
    order[other] = a;
  }
  return order;
}

import { availableScreens, type ScreenNames } from './screen-names.js';

/** Milliseconds, drawn evenly from `min` to `max`. */
export interface Range {
  min: number;
  max: number;
}

/** Screens that come and go: on for so long, off for so long, over and over. */
export interface FlapHabit {
  /** Of the screens, 0..1. */
  share: number;
  onMs: Range;
  offMs: Range;
}

/** Screens that are off from the fleet's start on. */
export interface AwayHabit {
  share: number;
  /** Then they come back together; not given: when `switchOn` is called. */
  forMs?: number;
}

/** Screens whose clocks are wrong, half of them ahead and half behind. */
export interface SkewHabit {
  share: number;
  /** By how much, ms. */
  ms: Range;
}

export interface FleetOptions {
  /** How many screens there are. */
  screens: number;
  /** `mqtt://host:port` (or `ws://…`). Default `mqtt://127.0.0.1:1883`. */
  broker?: string;
  /** What device ids begin with; `^[A-Za-z0-9._:-]*$`. Default `sim-`. */
  prefix?: string;
  /**
   * `each`: a connection of its own for every screen, with its will. A number: so many connections, the screens divided over them;
   * a shared connection can have no will of a screen's own. Default: one for 200 screens.
   */
  connections?: 'each' | number;
  /** How long a screen takes to install or to revoke before it answers, ms. Default 0. */
  ackDelayMs?: Range;
  /** Share of the screens, 0..1, that are switched off: retained status `offline`, subscribed to nothing. Default 0. */
  offline?: number;
  /** Share of the manifests, 0..1, that are not acknowledged. Default 0. */
  drop?: number;
  /** Screens that flap. A screen that is off hears nothing, and says what it has to say when it is on again. */
  flap?: FlapHabit;
  /** Screens that stay away. */
  away?: AwayHabit;
  /** Share of the screens, 0..1, that hear everything and never acknowledge anything. Default 0. */
  silent?: number;
  /** Screens whose clocks are wrong: so are their timestamps, and every screen reports its `clockOffsetMs`. They start on time all the same, as players do. */
  skew?: SkewHabit;
  /** Installed manifests are not acknowledged until `release` is called. Default false. */
  hold?: boolean;
  /** How often each screen says in a `PLAY_LOG` what it showed since the last one, ms. Default 0: never. */
  playLogMs?: number;
  /** New connections a second, and the pace at which lost ones come back. Default 500. */
  connectsPerSecond?: number;
  /** 0..1; decides delays and drops. */
  random?: () => number;
  /** Ms since some fixed moment; never goes back. */
  monotonic?: () => number;
}

/** The options with every default filled in, and the screens' names. */
export interface FleetPlan extends Required<Omit<FleetOptions, 'connections' | 'prefix' | 'flap' | 'away' | 'skew'>> {
  flap: FlapHabit | undefined;
  away: AwayHabit | undefined;
  skew: SkewHabit | undefined;
  names: ScreenNames;
  /** The screens of each connection, by index into `names.online`. */
  shares: { from: number; to: number }[];
  /** True when each screen has a connection of its own, and so a will. */
  ownConnections: boolean;
}

export const SCREENS_A_CONNECTION = 200;
/** `setTimeout` fires at once beyond this many ms. */
export const MAX_TIMER_MS = 2_147_483_647;

/** Throws a RangeError that names the option when one cannot be. */
export function planFleet(options: FleetOptions): FleetPlan {
  const { prefix = 'sim-', connections, offline = 0, drop = 0, silent = 0, flap, away, skew } = options;
  const { screens, ackDelayMs = { min: 0, max: 0 }, playLogMs = 0 } = options;
  if (!Number.isInteger(screens) || screens < 1) throw new RangeError('screens must be a whole number from 1');
  for (const [name, share] of Object.entries({
    offline,
    drop,
    silent,
    flap: flap?.share ?? 0,
    away: away?.share ?? 0,
    skew: skew?.share ?? 0,
  })) {
    if (!(share >= 0 && share <= 1)) throw new RangeError(`${name} must be a share from 0 to 1`);
  }
  if (!(ackDelayMs.min >= 0 && ackDelayMs.max >= ackDelayMs.min))
    throw new RangeError('ackDelayMs must run from a smaller to a larger delay');
  if (!(playLogMs >= 0 && playLogMs <= MAX_TIMER_MS)) throw new RangeError(`playLogMs must be from 0 to ${MAX_TIMER_MS}`);
  if (silent + (flap?.share ?? 0) + (away?.share ?? 0) > 1)
    throw new RangeError('silent, flap and away are more than all screens together');
  const names = availableScreens(prefix, screens, offline);
  const online = names.online.length;
  const wanted = connections === 'each' ? online : (connections ?? Math.ceil(online / SCREENS_A_CONNECTION));
  if (!Number.isInteger(wanted) || wanted < 0 || (wanted === 0 && online > 0))
    throw new RangeError('connections must be each or a whole number from 1');
  return {
    names,
    screens,
    broker: options.broker ?? 'mqtt://127.0.0.1:1883',
    ackDelayMs,
    offline,
    drop,
    silent,
    flap,
    away,
    skew,
    playLogMs,
    hold: options.hold ?? false,
    connectsPerSecond: options.connectsPerSecond ?? 500,
    random: options.random ?? Math.random,
    monotonic: options.monotonic ?? (() => performance.now()),
    shares: divide(online, Math.min(wanted, online)),
    ownConnections: connections === 'each',
  };
}

function divide(total: number, parts: number): { from: number; to: number }[] {
  return Array.from({ length: parts }, (_, part) => ({
    from: Math.floor((part * total) / parts),
    to: Math.floor(((part + 1) * total) / parts),
  }));
}

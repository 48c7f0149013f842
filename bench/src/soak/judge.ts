import type { NetworkState } from './cuttable-network.js';

/** One campaign of the hour, as its planner knows it. */
export interface Part {
  id: string;
  name: string;
  priority: number;
  startAt: number;
  expireAt: number;
  /** When the screen had it for sure; undefined while it may or may not. */
  installedAt?: number;
  /** When it was taken back for sure; from `cancelledAt` on it may be gone. */
  cancelledAt?: number;
  revokedAt?: number;
}

/** Since when the way between screen and server, and what stands at its ends, is as it is. */
export interface Standing {
  network: NetworkState;
  browser: boolean;
  server: boolean;
  since: number;
}

/** What was seen at one moment: on the screen by looking at it, and in the console by asking its API. */
export interface Sight {
  at: number;
  /** Campaign in the display; null: nothing plays; undefined: could not be looked at. */
  shown: string | null | undefined;
  console?: { status: string; nowPlaying: string | null };
  why?: { campaignId: string; reason: string; sentence: string }[];
}

/** A change at the screen needs this long to be seen by whoever looks once a second, ms; and a look that began before it may see it. */
const SEEN_MS = 2_500;
/** A change that is told over a working network stands in the console after this, ms. */
const TOLD_MS = 8_000;
/** A line that died without a word is noticed after one and a half keep-alives (MQTT 3.1.1 §3.1.2.10), 45 s here; and a status later. */
const NOTICED_MS = 55_000;
const WHY_ON_AIR = ['playing', 'its_turn_comes'];

/** Who may be on the screen at a moment, by priority and time alone; `sure` leaves out what may or may not be installed. */
function onAir(parts: readonly Part[], at: number, sure: boolean): string[] {
  const open = parts.filter((part) => {
    const there = sure ? part.installedAt !== undefined && part.installedAt <= at : true;
    const gone = sure ? part.cancelledAt !== undefined && part.cancelledAt <= at : part.revokedAt !== undefined && part.revokedAt <= at;
    return there && !gone && part.startAt <= at && at < part.expireAt;
  });
  const highest = Math.max(...open.map((part) => part.priority));
  return open.filter((part) => part.priority === highest).map((part) => part.id);
}

/** What of a sight cannot be true, in sentences; none when the screen shows what it should and the console says what is so. */
export function judge(parts: readonly Part[], standing: Standing, sight: Sight): string[] {
  return [...judgeScreen(parts, standing, sight), ...judgeConsole(parts, standing, sight)];
}

function judgeScreen(parts: readonly Part[], standing: Standing, { at, shown }: Sight): string[] {
  if (!standing.browser || at - standing.since < TOLD_MS || shown === undefined) return [];
  const moments = [at - SEEN_MS, at, at + SEEN_MS].flatMap((moment) => [onAir(parts, moment, true), onAir(parts, moment, false)]);
  const may = new Set(moments.flat());
  if (shown === null) return moments.some((each) => each.length === 0) ? [] : [`the screen is empty, and should show ${names(parts, may)}`];
  return may.has(shown) ? [] : [`the screen shows ${names(parts, [shown])}, and should show ${names(parts, may) || 'nothing'}`];
}

function judgeConsole(parts: readonly Part[], standing: Standing, { at, console, why }: Sight): string[] {
  if (console === undefined || !standing.server) return [];
  const linked = standing.network === 'up' && standing.browser;
  const settled = at - standing.since > (standing.network === 'dark' ? NOTICED_MS : TOLD_MS);
  if (!settled) return [];
  const wrong: string[] = [];
  if (console.status !== (linked ? 'online' : 'offline'))
    wrong.push(`the console says ${console.status}, and the screen is ${linked ? 'there' : 'cut off'}`);
  if (!linked) {
    if (console.nowPlaying !== null) wrong.push('the console says what plays on a screen that it cannot know of');
    for (const each of why ?? [])
      if (WHY_ON_AIR.includes(each.reason)) wrong.push(`why says “${each.sentence}” of a screen that is cut off`);
    return wrong;
  }
  const sets = [at - TOLD_MS, at, at + SEEN_MS].flatMap((moment) => [onAir(parts, moment, true), onAir(parts, moment, false)]);
  if (new Set(sets.map((each) => each.toSorted().join())).size > 1) return wrong;
  const now = sets[0] ?? [];
  if (console.nowPlaying === null ? now.length > 0 : !now.includes(console.nowPlaying))
    wrong.push(`the console says that ${names(parts, [console.nowPlaying ?? ''])} plays, and it is ${names(parts, now) || 'nothing'}`);
  for (const each of why ?? []) {
    if (now.includes(each.campaignId) !== WHY_ON_AIR.includes(each.reason))
      wrong.push(
        `why says “${each.sentence}” (${each.reason}) of ${names(parts, [each.campaignId])}, and on air is ${names(parts, now) || 'nothing'}`,
      );
  }
  return wrong;
}

function names(parts: readonly Part[], ids: Iterable<string>): string {
  return [...ids].map((id) => parts.find((part) => part.id === id)?.name ?? (id || 'nothing')).join(' and ');
}

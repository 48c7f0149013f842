import { type CampaignSchedule, nextSlot, type Recurrence, recurrenceOf, slotsAfter, slotsBefore } from '@marquee/contracts';

/** A campaign whose next slot is due. Times are epoch ms. */
export interface Due {
  schedule: CampaignSchedule | null;
  startAt: number | null;
  expireAt: number | null;
  /** The slot that is due. */
  slot: number;
  now: number;
  /** Whether an execution of it is live. */
  live: boolean;
}

/** What is made for a slot: an execution, one that queues, or a line in the history that says why not. */
export interface Made {
  slot: number;
  state: 'NEW' | 'SKIPPED';
  queued: boolean;
  reason: string | null;
}

export interface Judgement {
  made: Made[];
  /** The slot after these; null when none is to come. It may be due as well. */
  next: number | null;
}

/** Up to here a slot is found in time: what timers, a busy machine and a failover of a moment cost, ms. */
const IN_TIME_MS = 2000;
/** Most executions made of one campaign in one turn. */
const MOST_A_TURN = 100;
/** Most skipped slots of one look that the history tells one by one. */
const MOST_TOLD = 100;

export const STILL_LIVE = 'an earlier execution was still live';

/** What becomes of the slots of a campaign that are due by now. Pure: the same campaign and moment give the same judgement. */
export function judge(due: Due): Judgement {
  const { schedule, slot, now } = due;
  if (schedule === null) return { made: [{ slot, state: 'NEW', queued: false, reason: null }], next: null };
  const recurrence = recurrenceOf(schedule, due);
  const latest = slotsBefore(recurrence, slot, now, 1)[0] ?? slot;
  const from = Math.max(firstToRun(schedule, latest, now), schedule.tooLateMs === undefined ? 0 : now - schedule.tooLateMs);
  const running = toRun(recurrence, due, from, latest);
  const last = running.at(-1);
  const next = nextSlot(recurrence, running.length >= MOST_A_TURN && last !== undefined ? last : now) ?? null;
  return { made: [...missed(recurrence, due, schedule, from - 1), ...runs(running, due, schedule)], next };
}

/** The slot that the row names counts, whatever the rules of its zone say by now. */
function toRun(recurrence: Recurrence, { slot, now }: Due, from: number, latest: number): number[] {
  if (slot < from) return slotsAfter(recurrence, from - 1, now, MOST_A_TURN);
  return latest === slot ? [slot] : [slot, ...slotsAfter(recurrence, slot, now, MOST_A_TURN - 1)];
}

/** The slots up to a moment, for the history: the first, and the last ones of many. */
function missed(recurrence: Recurrence, { slot, now }: Due, { catchUp, tooLateMs }: CampaignSchedule, upTo: number): Made[] {
  if (slot > upTo) return [];
  const later = slotsBefore(recurrence, slot, upTo, MOST_TOLD);
  const [second] = later.length < MOST_TOLD ? [] : later;
  return [slot, ...later].map((each) => {
    const late = `found ${now - each} ms after its moment`;
    const why = tooLateMs !== undefined && now - each > tooLateMs ? `too late: ${late}` : `missed: ${late}, and catch-up is '${catchUp}'`;
    const others = each === slot && second !== undefined ? `; so were all until ${new Date(second).toISOString()}` : '';
    return { slot: each, state: 'SKIPPED', queued: false, reason: why + others };
  });
}

/** From which slot on executions are made; what is earlier was missed. */
function firstToRun({ catchUp }: CampaignSchedule, latest: number, now: number): number {
  return { none: now - IN_TIME_MS, one: latest, all: 0 }[catchUp];
}

function runs(slots: number[], { live, now }: Due, { overlap, catchUp }: CampaignSchedule): Made[] {
  return slots.map((slot, index) => {
    // What is caught up on was due while nothing ran: each waits for the one before it, whatever the overlap is to do.
    const queued = overlap === 'queue' || (catchUp === 'all' && (slots.length > 1 || now - slot > IN_TIME_MS));
    const busy = !queued && (live || index > 0);
    return busy
      ? { slot, state: 'SKIPPED' as const, queued: false, reason: STILL_LIVE }
      : { slot, state: 'NEW' as const, queued, reason: null };
  });
}

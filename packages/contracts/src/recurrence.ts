import { Cron } from 'croner';
import { z } from 'zod';
import { epochMs } from './text.js';

/** What becomes of a slot that comes while an execution of its campaign is live. */
export const OVERLAPS = ['skip', 'queue'] as const;
export type Overlap = (typeof OVERLAPS)[number];

/** What becomes of slots that nobody made an execution for in time: none of them, the latest of them, or each of them. */
export const CATCH_UPS = ['none', 'one', 'all'] as const;
export type CatchUp = (typeof CATCH_UPS)[number];

/** When something recurs: a cron expression read in an IANA zone, `from` (at or after, epoch ms), `until` (before). */
export interface Recurrence {
  cron: string;
  timeZone: string;
  from?: number | undefined;
  until?: number | undefined;
}

/** Less than a starter may take to notice a slot would skip every one of them. */
const MIN_TOO_LATE_MS = 1000;
const MAX_TOO_LATE_MS = 366 * 86_400_000;
/** Any moment: an expression without a year either fires again after it or never. */
const SOME_DAY = new Date(0);

export const ianaZone = z
  .string()
  .max(64)
  .refine(
    (zone) => {
      // Node takes offsets such as +02:00 for zones from version 22 on; they know no summer time and are no names.
      if (!/^[A-Za-z]/.test(zone)) return false;
      try {
        new Intl.DateTimeFormat('en', { timeZone: zone });
        return true;
      } catch {
        return false;
      }
    },
    { error: 'must be an IANA time zone', abort: true },
  );

/**
 * Reads an expression of five fields, or of six with seconds in front. A time of day that is written out (no `*` and no step in its
 * seconds, minutes and hours) and falls into the gap of a DST change runs at the first moment after the gap, and one that occurs twice
 * runs at the first; what is written with `*` or a step goes on at its even pace of elapsed time.
 */
function parsed({ cron, timeZone }: Recurrence): Cron {
  return new Cron(cron, { timezone: timeZone, paused: true, mode: '5-or-6-parts', fixedTimeRule: 'no-wildcard' });
}

/** The first slot strictly after a moment, epoch ms; undefined when there is none before its end. Throws when the zone is not known here. */
export function nextSlot(recurrence: Recurrence, after: number): number | undefined {
  const start = Math.max(after, (recurrence.from ?? 0) - 1);
  const next = parsed(recurrence).nextRun(new Date(start))?.getTime();
  return next === undefined || next >= (recurrence.until ?? Number.POSITIVE_INFINITY) ? undefined : next;
}

/** The first `most` slots with `after` < slot <= `upTo`, in order. */
export function slotsAfter(recurrence: Recurrence, after: number, upTo: number, most: number): number[] {
  const cron = parsed(recurrence);
  const end = Math.min(upTo, (recurrence.until ?? Number.POSITIVE_INFINITY) - 1);
  const slots: number[] = [];
  let at = Math.max(after, (recurrence.from ?? 0) - 1);
  while (slots.length < most) {
    const next = cron.nextRun(new Date(at))?.getTime();
    if (next === undefined || next > end) break;
    slots.push(next);
    at = next;
  }
  return slots;
}

/** The last `most` slots with `after` < slot <= `upTo`, in order. */
export function slotsBefore(recurrence: Recurrence, after: number, upTo: number, most: number): number[] {
  const end = Math.min(upTo, (recurrence.until ?? Number.POSITIVE_INFINITY) - 1);
  const start = Math.max(after, (recurrence.from ?? 0) - 1);
  return parsed(recurrence)
    .previousRuns(most, new Date(end + 1))
    .map((slot) => slot.getTime())
    .filter((slot) => slot > start)
    .reverse();
}

/** Why a cron expression cannot be taken; undefined when it can. */
function refusalOf(cron: string, timeZone: string): string | undefined {
  // Stands for the moment of reading, so that it would mean something else on each machine.
  if (cron.includes('?')) return "must be a cron expression without '?'";
  try {
    return parsed({ cron, timeZone }).nextRun(SOME_DAY) === null ? 'never fires' : undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^Cron\w+: /, '') : String(error);
    return `must be a cron expression of five fields, or six with seconds in front: ${why}`;
  }
}

/** When a campaign runs again and again, and what becomes of slots that come too early, too late or not in time. */
export const campaignSchedule = z
  .strictObject({
    /** Five fields, or six with seconds in front; once every second is the most. */
    cron: z.string().min(1).max(200),
    timeZone: ianaZone,
    /** First moment of a slot, epoch ms. */
    from: epochMs.optional(),
    /** No slot at or after it, epoch ms. */
    until: epochMs.optional(),
    overlap: z.enum(OVERLAPS).default('skip'),
    catchUp: z.enum(CATCH_UPS).default('one'),
    /** An execution that would start later than this after its slot is skipped. */
    tooLateMs: z.int().min(MIN_TOO_LATE_MS).max(MAX_TOO_LATE_MS).optional(),
  })
  .superRefine((schedule, context) => {
    const why = refusalOf(schedule.cron, schedule.timeZone);
    if (why !== undefined) context.addIssue({ code: 'custom', path: ['cron'], message: why });
    if (schedule.from !== undefined && schedule.until !== undefined && schedule.until <= schedule.from)
      context.addIssue({ code: 'custom', path: ['until'], message: 'must be after from' });
  });
export type CampaignSchedule = z.output<typeof campaignSchedule>;

/** When a campaign recurs: its schedule within its own times. */
export function recurrenceOf(
  { cron, timeZone, from, until }: CampaignSchedule,
  { startAt, expireAt }: { startAt: number | null; expireAt: number | null },
): Recurrence {
  return {
    cron,
    timeZone,
    from: Math.max(from ?? 0, startAt ?? 0),
    until: Math.min(until ?? Number.POSITIVE_INFINITY, expireAt ?? Number.POSITIVE_INFINITY),
  };
}

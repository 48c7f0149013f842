import { type CreateCampaign, nextSlot, type Recurrence, recurrenceOf, type ScreenAudience } from '@marquee/contracts';
import type { Clock } from '../kit/clock.js';
import { ProblemError } from '../kit/errors.js';

/** How fast a fan-out is taken to be when a planner is warned of a start too soon: screens a second, and a fixed part. */
const FAN_OUT_PER_SECOND = 5000;
const FAN_OUT_FIXED_MS = 1000;

/** The search for a slot throws where, in the zone of the schedule, it would go past the last moment that a Date can hold. */
function firstSlot(recurrence: Recurrence, now: number): number | undefined | 'beyond dates' {
  try {
    return nextSlot(recurrence, now);
  } catch {
    return 'beyond dates';
  }
}

export interface TimingOptions {
  /** A start sooner than this many ms from now is refused; 0: only warned about. */
  minLeadMs: number;
  /** How many screens an audience may reach at most, for the warning; may be a little old. */
  countScreens: () => Promise<number>;
}

/** Judges when a campaign is to start and end against now. */
export class CampaignTiming {
  constructor(
    private readonly clock: Clock,
    private readonly options: TimingOptions,
  ) {}

  /** Why it cannot be taken: an end that is over, or a start that is sooner than the minimum lead, unless it `starts` already. */
  refusalOf(
    { startAt, expireAt }: { startAt?: number | null | undefined; expireAt?: number | null | undefined },
    starts = false,
  ): ProblemError | undefined {
    const now = this.clock.now();
    if (typeof expireAt === 'number' && expireAt <= now) return new ProblemError('VALIDATION_FAILED', ['expireAt: must be in the future']);
    if (!starts && typeof startAt === 'number' && this.options.minLeadMs > 0 && startAt - now < this.options.minLeadMs) {
      return new ProblemError('LEAD_TOO_SHORT', [`startAt: must be at least ${this.options.minLeadMs} ms from now`]);
    }
    return undefined;
  }

  /** Why a schedule cannot be taken: it has no slot to come. */
  refusalOfSchedule({ schedule, startAt, expireAt }: Pick<CreateCampaign, 'schedule' | 'startAt' | 'expireAt'>): ProblemError | undefined {
    if (schedule === undefined || schedule === null) return undefined;
    const recurrence = recurrenceOf(schedule, { startAt: startAt ?? null, expireAt: expireAt ?? null });
    const field = (startAt ?? 0) > (schedule.from ?? 0) ? 'startAt' : 'schedule.from';
    const slot = firstSlot(recurrence, this.clock.now());
    if (slot === 'beyond dates') return new ProblemError('VALIDATION_FAILED', [`${field}: is too far in the future`]);
    if (slot !== undefined) return undefined;
    return new ProblemError('VALIDATION_FAILED', ['schedule.cron: has no slot to come before its end']);
  }

  /** What the planner should know of a start at `startAt`. */
  async warningsFor({ startAt, audience }: { startAt: number | null; audience: ScreenAudience }): Promise<string[]> {
    const known = await this.options.countScreens();
    const screens = 'ids' in audience ? Math.min(known, audience.ids.length) : known;
    const fanOutMs = FAN_OUT_FIXED_MS + Math.ceil((screens / FAN_OUT_PER_SECOND) * 1000);
    if ((startAt ?? 0) - this.clock.now() >= fanOutMs) return [];
    return [`startAt: is sooner than the fan-out to ${screens} screens can end (about ${fanOutMs} ms); screens start as they are reached`];
  }
}

import { isStorable } from '@marquee/contracts';
import type { Database } from '../store/database.js';
import { noteKept, settleSeqs } from './sequences.store.js';

/** Numbers beyond are no count of events but a mistake: a screen that said one a second would need 30 years. */
const MOST_SEQ = 1_000_000_000;
const MOST_SERIES_LENGTH = 64;

/** The number of one event, as the screen gave it. */
export interface Numbered {
  deviceId: string;
  /** '' of a screen that names none. */
  series: string;
  seq: number;
}

/** The events that a screen says it keeps. */
export interface Kept {
  deviceId: string;
  series: string;
  first: number;
  last: number;
}

export interface SequencesOptions {
  /** How long missing events may take to come by themselves, ms. */
  waitMs: number;
  onLost: (count: number) => void;
}

/** Keeps which numbered events of each screen are here, and what is missing. */
export class Sequences {
  constructor(
    private readonly database: Database,
    private readonly options: SequencesOptions,
  ) {}

  /**
   * Notes events that are stored or will never be; nothing is done for those without a number. When it rejects, they must come again:
   * asked for twice is harmless, a gap unseen is not.
   */
  async settle(numbered: readonly Numbered[]): Promise<void> {
    if (numbered.length === 0) return;
    await this.database.run(settleSeqs, {
      devices: numbered.map((each) => each.deviceId),
      series: numbered.map((each) => each.series),
      seqs: numbered.map((each) => each.seq),
      waitMs: this.options.waitMs,
    });
  }

  /** Notes what screens say they keep; one word a screen. What cannot be meant (an end before the beginning by more than one, huge numbers) is ignored. */
  async note(told: readonly Kept[]): Promise<void> {
    const kept = told.filter(({ series, first, last }) => isStorable(series) && last <= MOST_SEQ && first <= last + 1);
    if (kept.length === 0) return;
    const [row] = await this.database.run(noteKept, {
      devices: kept.map((each) => each.deviceId),
      series: kept.map((each) => each.series),
      firsts: kept.map((each) => each.first),
      lasts: kept.map((each) => each.last),
      waitMs: this.options.waitMs,
    });
    if (row !== undefined && row.lost > 0) this.options.onLost(row.lost);
  }
}

/** The number in an event's payload; undefined when there is none, or none that can be meant. */
export function numberOf(deviceId: string, payload: unknown): Numbered | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined;
  const { seq, series = '' } = payload as { seq?: unknown; series?: unknown };
  if (typeof seq !== 'number' || !Number.isInteger(seq) || seq < 0 || seq > MOST_SEQ) return undefined;
  if (typeof series !== 'string' || series.length > MOST_SERIES_LENGTH || !isStorable(series)) return undefined;
  return { deviceId, series, seq };
}

import { type ClickLedger, clickProcess, type LedgerQuery } from '@marquee/contracts';
import type { Clock } from '../../kit/clock.js';
import type { Database } from '../../store/database.js';
import type { ValuesOf } from '../../store/statement.js';
import { minuteOf } from '../click.js';
import { hasAccepted } from '../status/click-process.js';
import { ledgerMinutes, ledgerProcesses } from './ledger.store.js';

/** A process that has said nothing for so long and has not ended is taken for killed until it speaks again, ms; it speaks some times a second. */
const SILENT_MS = 1500;
const MINUTE_MS = 60_000;
/** A living process has said everything of a minute so long after its end, ms. */
const SAID_MS = 5000;
/** What the balance needs of what a process says. */
const saidOfProcess = clickProcess.pick({ ack: true, memory: true, depths: true, counters: true });

type Process = Omit<ValuesOf<typeof ledgerProcesses.gives>, 'said'> & { said: ReturnType<typeof saidBy>; missing: number };

/** What became of every click that was accepted. */
export class Ledger {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** The minutes that the time touches, whole. From the primary: what lags would look like a loss. */
  async read(query: LedgerQuery): Promise<ClickLedger> {
    const span = { from: minuteOf(query.from), to: minuteOf(query.to + MINUTE_MS - 1) };
    // Processes first: what is settled between the two is then not missing in the minutes.
    const rows = await this.database.run(ledgerProcesses, {
      ...span,
      complete: minuteOf(this.clock.now() - SAID_MS),
      silentMs: SILENT_MS,
    });
    const minutes = (await this.database.run(ledgerMinutes, span)).map(({ minute: at, rejected, ...sums }) => ({
      at,
      ...sums,
      rejected: rejected as Record<string, number>,
      missing: missingOf(sums),
    }));
    const processes = rows.map((row) => ({ ...row, said: saidBy(row.said), missing: missingOf(row) }));
    return { minutes, total: totalOf(minutes), ...balanceOf(processes) };
  }
}

/** What is in flight, what silent processes may have lost, and whether all is accounted for. */
function balanceOf(processes: readonly Process[]): Pick<ClickLedger, 'inFlight' | 'lost' | 'silent' | 'balanced'> {
  const living = processes.filter(({ state }) => state === 'living').sort((a, b) => (b.said_at ?? 0) - (a.said_at ?? 0));
  const depthOf = (of: 'queue' | 'fallback') => living.find(({ said }) => (said?.depths[of] ?? null) !== null)?.said?.depths[of] ?? null;
  const inFlight = { memory: sum(living, ({ said }) => said?.memory.clicks ?? 0), queue: depthOf('queue'), fallback: depthOf('fallback') };
  const waiting = (inFlight.queue ?? 0) + (inFlight.fallback ?? 0);
  const silent = processes.filter(({ state }) => state === 'silent');
  const lost = {
    // What waits in the broker or in the fallback may be theirs.
    atLeast: Math.max(0, sum(silent, atLeastLost) - waiting),
    atMost: sum(silent, (process) => Math.max(atLeastLost(process), unknownOf(process))),
  };
  const others = processes.filter((process) => !silent.includes(process));
  const missing = sum(others, (process) => Math.max(0, process.missing));
  // What is in memory may be counted before it counts as accepted.
  const isCountedTwice = others.some(({ over_complete: over, said }) => over + (said?.memory.clicks ?? 0) < 0);
  const balanced = missing <= inFlight.memory + waiting && !isCountedTwice && lost.atMost === 0;
  return { inFlight, lost, silent: silent.map(({ id }) => id), balanced };
}

function atLeastLost({ missing }: Process): number {
  return Math.max(0, missing);
}

/**
 * What a process may have accepted and not said when it was killed. With `durable` a click counts as accepted when it is safe; and before a process is on
 * record as one that has accepted, it answers in that way too.
 */
function unknownOf({ said }: Process): number {
  return said === undefined || said.ack === 'durable' || !hasAccepted(said) ? 0 : said.memory.bound;
}

function missingOf(sums: { accepted: number; stored: number; duplicates: number; dead: number }): number {
  return sums.accepted - sums.stored - sums.duplicates - sums.dead;
}

function totalOf(minutes: ClickLedger['minutes']): ClickLedger['total'] {
  const rejected: Record<string, number> = {};
  for (const minute of minutes) for (const [reason, n] of Object.entries(minute.rejected)) rejected[reason] = (rejected[reason] ?? 0) + n;
  return {
    accepted: sum(minutes, ({ accepted }) => accepted),
    stored: sum(minutes, ({ stored }) => stored),
    duplicates: sum(minutes, ({ duplicates }) => duplicates),
    dead: sum(minutes, ({ dead }) => dead),
    rejected,
    missing: sum(minutes, ({ missing }) => missing),
  };
}

function saidBy(said: unknown) {
  return saidOfProcess.safeParse(said).data;
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

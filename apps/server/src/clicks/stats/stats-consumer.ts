import { setImmediate } from 'node:timers/promises';
import { errorCode, reasonOf } from '../../kit/errors.js';
import type { Clock } from '../../kit/clock.js';
import type { Log } from '../../kit/log.js';
import type { Database, Runner } from '../../store/database.js';
import { type ClickEvent, minuteOf } from '../click.js';
import type { ClickBroker, ConsumeOptions, Decision, Delivered } from '../click-broker.js';
import { parseClickBody } from './click-body.js';
import { countClicks, noteRepeats, noteVisits, settleClicks, takeClickIds } from './click-counts.store.js';
import { type LabelOptions, Labelling, type Labels } from './labels.js';

export interface StatsConsumerOptions extends LabelOptions, ConsumeOptions {
  /** How often a click that the database refuses is tried before it is dead. */
  tries: number;
}

/** Told of what was counted, after it is true; a process that dies in between tells nobody. */
export interface CountedClicks {
  counted(clicks: readonly { click: ClickEvent; labels: Labels }[]): void;
}

/** A message with the click in it. */
interface Readable {
  message: Delivered;
  click: ClickEvent;
}

/** Bodies that are read in one go, 4 µs each: who wants an answer of this process meanwhile waits for no more than these. */
const READ_AT_ONCE = 100;
const DEADLOCK_DETECTED = '40P01';
const MOST_DEADLOCKS = 3;
/** SQLSTATE classes that blame the row: wrong data, a broken constraint, too large. Everything else may be right the next time. */
const OF_THE_ROW = /^(22|23|54)/;

/**
 * Counts clicks, each once, whatever is delivered again, by whichever consumer. A batch is one transaction: the ids, the clicks, the counts of
 * their minutes and the ledger are true together or not at all, and the broker hears of it afterwards.
 */
export class StatsConsumer {
  private consuming: { stop(): Promise<void> } | undefined;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly listener: CountedClicks,
    private readonly options: StatsConsumerOptions,
    private readonly log: Log,
  ) {}

  start(broker: ClickBroker): void {
    this.consuming ??= broker.consume(this.options, (batch) => this.handle(batch));
  }

  /** Resolves when what is under way is counted and answered. */
  async stop(): Promise<void> {
    await this.consuming?.stop();
    this.consuming = undefined;
  }

  /** Decides about each message, in order. Rejects, with nothing decided, when the database cannot count now; what it had counted it counts no more. */
  async handle(batch: readonly Delivered[]): Promise<Decision[]> {
    const decisions = new Map<Delivered, Decision>();
    const readable: Readable[] = [];
    for (const [index, message] of batch.entries()) {
      if (index % READ_AT_ONCE === READ_AT_ONCE - 1) await setImmediate();
      const click = parseClickBody(message.body, this.clock.now());
      if ('dead' in click) decisions.set(message, click);
      else readable.push({ message, click });
    }
    await this.countOrPart(readable, decisions);
    return batch.map((message) => decisions.get(message) ?? 'done');
  }

  /** Counts them together; when one of them cannot be, finds it by halves, so that it holds up none of the others. */
  private async countOrPart(readable: readonly Readable[], decisions: Map<Delivered, Decision>): Promise<void> {
    if (readable.length === 0) return;
    try {
      await this.count(readable);
    } catch (error) {
      if (!OF_THE_ROW.test(errorCode(error) ?? '')) throw error;
      const [first] = readable;
      if (readable.length === 1 && first !== undefined) {
        const { message } = first;
        const isOver = message.tries >= this.options.tries;
        this.log.warn({ messageId: message.messageId, tries: message.tries, reason: reasonOf(error) }, 'a click cannot be counted');
        decisions.set(message, isOver ? { dead: `refused ${message.tries} times: ${reasonOf(error)}` } : 'again');
        return;
      }
      const half = Math.ceil(readable.length / 2);
      await this.countOrPart(readable.slice(0, half), decisions);
      await this.countOrPart(readable.slice(half), decisions);
    }
  }

  private async count(readable: readonly Readable[]): Promise<void> {
    for (let deadlocks = 0; ; deadlocks += 1) {
      try {
        const counted = await this.database.transaction((runner) => this.write(runner, readable));
        if (counted.length > 0) this.listener.counted(counted);
        return;
      } catch (error) {
        // Its victim left nothing behind.
        if (errorCode(error) !== DEADLOCK_DETECTED || deadlocks === MOST_DEADLOCKS) throw error;
      }
    }
  }

  private async write(runner: Runner, readable: readonly Readable[]): Promise<{ click: ClickEvent; labels: Labels }[]> {
    const firsts = new Map<string, Readable>();
    for (const each of readable) if (!firsts.has(each.click.messageId)) firsts.set(each.click.messageId, each);
    const taken = new Set((await runner.run(takeClickIds, columnsOf([...firsts.values()]))).map((row) => row.message_id));
    const fresh = [...firsts.values()].filter(({ click }) => taken.has(click.messageId));
    const isFresh = new Set(fresh);
    const others = readable.filter((each) => !isFresh.has(each));
    const repeats = others.length === 0 ? [] : await runner.run(noteRepeats, columnsOf(others));
    const settled = settledOf(fresh, others, new Set(repeats.map(({ process, seq }) => `${process}-${seq}`)));
    const clicks = fresh.map(({ click }) => click);
    const labels = await this.label(runner, clicks);
    if (clicks.length > 0) await runner.run(countClicks, rowsOf(clicks, labels));
    if (settled.processes.length > 0) await runner.run(settleClicks, settled);
    return clicks.map((click, index) => ({ click, labels: labels[index] as Labels }));
  }

  private async label(runner: Runner, clicks: readonly ClickEvent[]): Promise<Labels[]> {
    if (clicks.length === 0) return [];
    const labelling = new Labelling(clicks, this.options);
    const keys = labelling.keys();
    const visits = await runner.run(noteVisits, {
      visitors: keys.map(({ key }) => key),
      times: keys.map(({ lastAt }) => lastAt),
      counts: keys.map(({ n }) => n),
    });
    return labelling.labels(new Map(visits.map(({ visitor, before_at: before, n }) => [visitor, { before, n }])));
  }
}

function columnsOf(readable: readonly Readable[]) {
  return {
    ids: readable.map(({ click }) => click.messageId),
    processes: readable.map(({ message }) => message.process),
    seqs: readable.map(({ message }) => message.seq),
  };
}

function rowsOf(clicks: readonly ClickEvent[], labels: readonly Labels[]) {
  return {
    ids: clicks.map((click) => click.messageId),
    times: clicks.map((click) => click.clickedAt),
    ads: clicks.map((click) => click.adId),
    adTypes: clicks.map((click) => click.adType),
    campaigns: clicks.map((click) => click.campaignId ?? null),
    creatives: clicks.map((click) => click.creativeId ?? null),
    devices: clicks.map((click) => click.deviceId ?? null),
    sources: clicks.map((click) => click.source),
    uids: clicks.map((click) => click.uid),
    ips: clicks.map((click) => click.ip),
    agents: clicks.map((click) => click.agent ?? null),
    bots: labels.map(({ bot }) => bot),
    duplicates: labels.map(({ duplicate }) => duplicate),
  };
}

/** What becomes of acceptances by this batch, by process and minute. A message that nobody of ours accepted (process 0) is not in the ledger. */
function settledOf(fresh: readonly Readable[], others: readonly Readable[], repeats: Set<string>) {
  const rows = new Map<string, { process: number; minute: number; stored: number; duplicates: number }>();
  const rowOf = ({ message, click }: Readable) => {
    const minute = minuteOf(click.clickedAt);
    const key = `${message.process} ${minute}`;
    const row = rows.get(key) ?? { process: message.process, minute, stored: 0, duplicates: 0 };
    rows.set(key, row);
    return row;
  };
  for (const each of fresh) if (each.message.process > 0) rowOf(each).stored += 1;
  for (const each of others) {
    // Deleted, so that an acceptance that is in the batch twice counts once.
    if (repeats.delete(`${each.message.process}-${each.message.seq}`)) rowOf(each).duplicates += 1;
  }
  const all = [...rows.values()];
  return {
    processes: all.map(({ process }) => process),
    minutes: all.map(({ minute }) => minute),
    stored: all.map(({ stored }) => stored),
    duplicates: all.map(({ duplicates }) => duplicates),
  };
}

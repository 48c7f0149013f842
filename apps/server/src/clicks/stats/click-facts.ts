import { Actor, type OnActorError } from '../../kit/actor.js';
import type { Database } from '../../store/database.js';
import type { ClickEvent } from '../click.js';
import { tellCountedClicks } from './click-facts.store.js';
import type { Labels } from './labels.js';
import type { CountedClicks } from './stats-consumer.js';

interface Counts {
  raw: number;
  unique: number;
  human: number;
}

const TELL_MS = 1000;
/** Campaigns that one fact names; whoever shows more asks for them. */
const MOST_CAMPAIGNS = 50;

/** Tells the feed how many clicks this process counted, at most once a second. A hint: what a process had not told when it died is in the counts. */
export class ClickFacts extends Actor implements CountedClicks {
  private total: Counts = { raw: 0, unique: 0, human: 0 };
  private campaigns = new Map<string, Counts>();

  constructor(
    private readonly database: Database,
    onError: OnActorError,
  ) {
    super('click facts', onError);
  }

  counted(clicks: readonly { click: ClickEvent; labels: Labels }[]): void {
    for (const { click, labels } of clicks) {
      add(this.total, labels);
      if (click.campaignId === undefined) continue;
      const counts = this.campaigns.get(click.campaignId) ?? { raw: 0, unique: 0, human: 0 };
      add(counts, labels);
      this.campaigns.set(click.campaignId, counts);
    }
  }

  protected override async turn(): Promise<number> {
    if (this.total.raw === 0) return TELL_MS;
    const campaigns = [...this.campaigns]
      .map(([campaignId, counts]) => ({ campaignId, ...counts }))
      .sort((a, b) => b.raw - a.raw)
      .slice(0, MOST_CAMPAIGNS);
    const payload = JSON.stringify({ ...this.total, campaigns });
    // Forgotten first: told twice would be worse than not told.
    this.total = { raw: 0, unique: 0, human: 0 };
    this.campaigns = new Map();
    await this.database.run(tellCountedClicks, { payload });
    return TELL_MS;
  }
}

function add(counts: Counts, { bot, duplicate }: Labels): void {
  counts.raw += 1;
  if (duplicate) return;
  counts.unique += 1;
  if (!bot) counts.human += 1;
}

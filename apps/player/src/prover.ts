import { scheduleAt } from '@marquee/contracts/player';
import type { Clock } from './clock.js';
import type { Library } from './library.js';
import type { Installed, Store } from './store.js';

/** A campaign is proved this long before it begins, or before its hours begin: five minutes are left to fetch what is gone. */
const LEAD_MS = 5.5 * 60_000;

/** Rejects when the bytes behind a blob of the store are gone: the database may know it when its file does not exist any more. */
async function readable(blob: Blob): Promise<void> {
  await Promise.all([blob.slice(0, 1).arrayBuffer(), blob.slice(-1).arrayBuffer()]);
}

/**
 * Proves, five minutes before each start, that the template and every asset of a campaign are still in the store, and has fetched what is
 * gone. All that is installed is proved once when the page begins.
 */
export class Prover {
  /** Proved for the start that is coming. */
  readonly #proved = new Map<string, Installed>();
  #begun = false;
  #looking: Promise<void> | undefined;

  constructor(
    private readonly library: Pick<Library, 'campaigns' | 'repair'>,
    private readonly store: Pick<Store, 'template' | 'media'>,
    private readonly clock: Clock,
  ) {}

  /** Looks whose start is near; call it several times a minute. What could not be repaired is tried again at the next call. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const now = this.clock.now();
    const { campaigns } = this.library;
    const due = this.#begun ? campaigns.filter((campaign) => comesUp(campaign, now)) : campaigns;
    this.#begun = true;
    for (const campaignId of this.#proved.keys()) {
      if (!due.some((campaign) => campaign.campaignId === campaignId)) this.#proved.delete(campaignId);
    }
    await Promise.all(
      due.filter((campaign) => this.#proved.get(campaign.campaignId) !== campaign).map((campaign) => this.#prove(campaign)),
    );
  }

  async #prove(campaign: Installed): Promise<void> {
    const gone: string[] = [];
    for (const key of new Set(Object.values(campaign.media))) if (!(await has(this.store.media(key)))) gone.push(key);
    const template = await has(this.store.template(campaign.campaignId));
    if (gone.length > 0 || !template) await this.library.repair(campaign, gone);
    else this.#proved.set(campaign.campaignId, campaign);
  }
}

async function has(stored: Promise<Blob | undefined>): Promise<boolean> {
  try {
    const blob = await stored;
    if (blob === undefined) return false;
    await readable(blob);
    return true;
  } catch {
    return false;
  }
}

/** Not on now, and on within the lead; a campaign that is shorter than that too. */
function comesUp({ offer }: Installed, now: number): boolean {
  if (offer.startAt > now) return offer.startAt <= now + LEAD_MS;
  return scheduleAt([offer], now).open.length === 0 && scheduleAt([offer], now + LEAD_MS).open.length > 0;
}

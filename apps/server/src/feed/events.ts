import type { CampaignStatus, FeedOutcome } from '@marquee/contracts';

/** A numbered fact as the feed reads it. */
export interface FeedFact {
  seq: number;
  campaignId: string;
  eventType: string;
  payload: unknown;
  ts: number;
}

/** One SSE event: its id is `seq.index`, so that a reader goes on inside a fact. */
export interface FeedEvent {
  id: string;
  event?: 'campaign' | 'summary' | 'reset';
  data: string;
}

/** Deliveries that moved in one fact, beyond which they are told as a summary: nobody reads a thousand lines a second. */
export const MOST_SINGLE = 50;

/** What a fact says to readers of the feed; only counts where it is large or the reader is behind. */
export function eventsOf(fact: FeedFact, summarise: boolean): FeedEvent[] {
  const { seq, campaignId, payload, ts } = fact;
  if (fact.eventType === 'deliveries_moved') {
    const { epoch, outcomes } = payload as { epoch: number; outcomes: Partial<Record<FeedOutcome, string[]>> };
    const moved = Object.entries(outcomes);
    const total = moved.reduce((sum, [, ids]) => sum + ids.length, 0);
    if (summarise || total > MOST_SINGLE) {
      const counts = Object.fromEntries(moved.map(([outcome, ids]) => [outcome, ids.length]));
      return [{ id: `${seq}.0`, event: 'summary', data: JSON.stringify({ campaignId, counts, ts }) }];
    }
    return moved
      .flatMap(([outcome, ids]) => ids.map((deliveryId) => ({ campaignId, deliveryId, outcome, epoch, ts })))
      .map((delivery, index) => ({ id: `${seq}.${index}`, data: JSON.stringify(delivery) }));
  }
  const { status } = payload as { status?: CampaignStatus };
  return status === undefined ? [] : [{ id: `${seq}.0`, event: 'campaign', data: JSON.stringify({ campaignId, status, ts }) }];
}

/** Where a reader left off, from its Last-Event-ID; undefined when it is none of ours. */
export function parseEventId(text: string | undefined): { seq: number; index: number } | undefined {
  const match = /^(\d{1,15})\.(\d{1,9})$/.exec(text ?? '');
  return match === null ? undefined : { seq: Number(match[1]), index: Number(match[2]) };
}

/** The event as it goes over the wire (WHATWG HTML, server-sent events). `data` is one line of JSON. */
export function wireOf({ id, event, data }: FeedEvent): string {
  return `${event === undefined ? '' : `event: ${event}\n`}id: ${id}\ndata: ${data}\n\n`;
}

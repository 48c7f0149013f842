import type { FeedCampaign, FeedClicks, FeedOutcome, FeedSummary } from '@marquee/contracts';

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
  event?: 'alerts' | 'campaign' | 'clicks' | 'summary' | 'reset';
  data: string;
}

export type OutcomeCounts = FeedSummary['counts'];
/** The status that a campaign has since a fact, and whether it is paused and in which epoch where the fact says so. */
export type CampaignChange = Omit<FeedCampaign, 'campaignId' | 'ts'>;

/** Deliveries that moved in one fact, beyond which it holds counts alone: nobody reads a thousand lines a second. */
export const MOST_SINGLE = 50;
/** The index of an event with which all of a fact is told. */
const WHOLE = 999_999_999;

/** What a `deliveries_moved` fact holds: each delivery where they are few, else only how many. */
interface Moves {
  epoch: number;
  outcomes?: Partial<Record<FeedOutcome, string[]>>;
  counts?: OutcomeCounts;
}

/** What a fact says to readers of the feed; only counts where it is large. */
export function eventsOf(fact: FeedFact): FeedEvent[] {
  const { seq, campaignId, ts } = fact;
  if (isOfAlerts(fact)) return [alertsEvent(seq, ts)];
  const clicks = clicksIn(fact);
  if (clicks !== undefined) return [clicksEvent(seq, clicks)];
  const moves = movesOf(fact);
  if (moves?.counts !== undefined) return [summaryOf(seq, { campaignId, counts: moves.counts, epoch: moves.epoch, ts })];
  if (moves !== undefined) {
    return entriesOf(moves)
      .flatMap(([outcome, ids]) => ids.map((deliveryId) => ({ campaignId, deliveryId, outcome, epoch: moves.epoch, ts })))
      .map((delivery, index) => ({ id: `${seq}.${index}`, data: JSON.stringify(delivery) }));
  }
  const change = changeIn(fact);
  return change === undefined ? [] : [changeEvent(seq, { campaignId, ...change, ts })];
}

/** How many deliveries a fact moved, by outcome, and in which epoch; undefined of a fact of another kind. */
export function countsIn(fact: FeedFact): { counts: OutcomeCounts; epoch: number } | undefined {
  const moves = movesOf(fact);
  if (moves === undefined) return undefined;
  const counts = moves.counts ?? Object.fromEntries(entriesOf(moves).map(([outcome, ids]) => [outcome, ids.length]));
  return { counts, epoch: moves.epoch };
}

/** What became of the campaign itself by this fact. */
export function changeIn(fact: FeedFact): CampaignChange | undefined {
  if (fact.eventType === 'deliveries_moved') return undefined;
  const { status, paused, epoch } = fact.payload as Partial<CampaignChange>;
  if (status === undefined) return undefined;
  return { status, ...(paused === undefined ? {} : { paused }), ...(epoch === undefined ? {} : { epoch }) };
}

export function summaryOf(seq: number, summary: FeedSummary): FeedEvent {
  return { id: `${seq}.${WHOLE}`, event: 'summary', data: JSON.stringify(summary) };
}

export function changeEvent(seq: number, change: FeedCampaign): FeedEvent {
  return { id: `${seq}.${WHOLE}`, event: 'campaign', data: JSON.stringify(change) };
}

/** True of a fact that belongs to no campaign: outages, notices, rules or snoozes changed. */
export function isOfAlerts(fact: FeedFact): boolean {
  return fact.eventType === 'alerts_changed';
}

export function alertsEvent(seq: number, ts: number): FeedEvent {
  return { id: `${seq}.${WHOLE}`, event: 'alerts', data: JSON.stringify({ ts }) };
}

/** The clicks that a fact says were counted; undefined of a fact of another kind. */
export function clicksIn({ eventType, payload, ts }: FeedFact): FeedClicks | undefined {
  return eventType === 'clicks_counted' ? { ...(payload as Omit<FeedClicks, 'ts'>), ts } : undefined;
}

/** Both together, as of the later one. */
export function sumOfClicks(one: FeedClicks | undefined, other: FeedClicks): FeedClicks {
  if (one === undefined) return other;
  const campaigns = new Map(one.campaigns.map((each) => [each.campaignId, each]));
  for (const each of other.campaigns) campaigns.set(each.campaignId, { ...each, ...added(campaigns.get(each.campaignId), each) });
  return { ...added(one, other), campaigns: [...campaigns.values()], ts: other.ts };
}

export function clicksEvent(seq: number, clicks: FeedClicks): FeedEvent {
  return { id: `${seq}.${WHOLE}`, event: 'clicks', data: JSON.stringify(clicks) };
}

/** Tells a reader that events are lost to it; what comes after `seq` follows. */
export function resetEvent(seq: number): FeedEvent {
  return { id: `${seq}.${WHOLE}`, event: 'reset', data: '{}' };
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

function movesOf(fact: FeedFact): Moves | undefined {
  return fact.eventType === 'deliveries_moved' ? (fact.payload as Moves) : undefined;
}

function entriesOf(moves: Moves): [FeedOutcome, string[]][] {
  return Object.entries(moves.outcomes ?? {}) as [FeedOutcome, string[]][];
}

type Clicks = Pick<FeedClicks, 'raw' | 'unique' | 'human'>;
function added(one: Clicks | undefined, other: Clicks): Clicks {
  return { raw: (one?.raw ?? 0) + other.raw, unique: (one?.unique ?? 0) + other.unique, human: (one?.human ?? 0) + other.human };
}

import type { DeliveryDetail, TimelineEntry, TimelineWord } from '@marquee/contracts';
import type { deliveryRow } from '../store/delivery-row.js';
import type { ValuesOf } from '../store/statement.js';
import type { claimOfDelivery, clicksOnScreen, logOfDelivery, playsOf, screensWords } from './timeline.store.js';

type Logged = ValuesOf<typeof logOfDelivery.gives>;
type Held = ValuesOf<typeof claimOfDelivery.gives>;
type Said = ValuesOf<typeof screensWords.gives>;
type Clicked = ValuesOf<typeof clicksOnScreen.gives>;

/** What is known of one delivery beside its row. */
export interface Known {
  log: Logged[];
  /** The claim that has it now. */
  held: Held | undefined;
  said: Said[];
  /** On its screen. */
  clicks: Clicked[];
}

/** An entry and the moment by which it is put in order. */
interface Step {
  order: number;
  entry: TimelineEntry;
}

/** A delivery's id says when it was made: the first 48 bits of a UUID v7 are epoch ms. */
export function madeAt(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
}

/**
 * Everything that happened to one delivery, the first thing first. Senders stamp by their own clocks; theirs are put between the claim and its
 * end, whatever they say, so that a clock that is off does not turn the order round.
 */
export function timelineOf(row: ValuesOf<typeof deliveryRow>, known: Known): TimelineEntry[] {
  const { log, held, said, clicks } = withoutUnstarted(known);
  const steps: Step[] = [step(madeAt(row.id), { at: madeAt(row.id), what: 'targeted' })];
  const claims = new Set<string>();
  for (const each of log) steps.push(...ofLog(each, claims));
  if (held !== undefined) steps.push(...ofClaim({ ...held, attempt: held.status === 'SENDING' ? held.attempt : null }, claims));
  // What was swept, or came to its end before the log began, is known by the row alone.
  const ended = row.settled_at;
  const isOver = ['SUCCESS', 'FAILED', 'CANCELLED', 'UNKNOWN'].includes(row.status);
  if (ended !== null && isOver && !log.some((each) => each.at === ended))
    steps.push(step(ended, { at: ended, what: 'settled', outcome: row.status as TimelineEntry['outcome'], ...reasonOf(row.last_error) }));
  steps.push(...said.map(ofScreen).filter((each) => each !== undefined));
  steps.push(...clicks.map(ofClick));
  // Sorting is stable: what happened in the same millisecond stays in the order of the protocol.
  return steps.sort((a, b) => a.order - b.order).map((each) => each.entry);
}

export function playsView(plays: ValuesOf<typeof playsOf.gives> | undefined): DeliveryDetail['plays'] {
  if (plays === undefined || plays.first_hour === null || plays.last_hour === null) return null;
  return { count: plays.n, durationMs: plays.duration_ms, firstHour: plays.first_hour, lastHour: plays.last_hour };
}

/** Attempts are numbered as a person counts them: what never started is none, and the next has its number. */
function withoutUnstarted({ log, held, ...rest }: Known): Known {
  const unstarted = log.filter((each) => each.outcome === 'NOT_STARTED').map((each) => each.attempt ?? 0);
  const counted = (attempt: number): number => attempt - unstarted.filter((earlier) => earlier < attempt).length;
  return {
    log: log.map((each) => ({
      ...each,
      attempt: each.attempt === null ? null : counted(each.attempt),
      outcome: each.outcome === 'NOT_STARTED' ? 'PENDING' : each.outcome,
    })),
    held: held === undefined ? undefined : { ...held, attempt: counted(held.attempt) },
    ...rest,
  };
}

function step(order: number, entry: TimelineEntry): Step {
  return { order, entry };
}

function reasonOf(reason: string | null): { reason?: string } {
  return reason === null ? {} : { reason };
}

function ofLog(logged: Logged, claims: Set<string>): Step[] {
  const { at, attempt, epoch, reason } = logged;
  if (logged.what === 'retried') return [step(at, { at, what: 'retried', outcome: 'PENDING' })];
  const shared = { ...(epoch === null ? {} : { epoch }), ...(logged.claim_id === null ? {} : { claimId: logged.claim_id }) };
  const worker = logged.begun_by ?? logged.claimed_by;
  const attempted = attempt === null ? {} : { attempt };
  const ended: TimelineEntry = { at, what: logged.what as TimelineWord, ...shared, ...attempted, ...(worker === null ? {} : { worker }) };
  const outcome = (logged.stale ? 'REJECTED_STALE' : logged.outcome) as TimelineEntry['outcome'];
  const steps = logged.claim_id === null ? [] : ofClaim({ ...logged, claim_id: logged.claim_id, until: at }, claims);
  const latest = Math.max(...steps.map((each) => each.order), Number.NEGATIVE_INFINITY);
  if (logged.sent_at !== null) {
    const sent: TimelineEntry = { at: logged.sent_at, what: 'sent', ...shared, ...attempted, ...(worker === null ? {} : { worker }) };
    steps.push(step(Math.min(Math.max(logged.sent_at, latest), at), sent));
  }
  return [...steps, step(at, { ...ended, ...(outcome === undefined || outcome === null ? {} : { outcome }), ...reasonOf(reason) })];
}

/** That it was claimed and, when there was an attempt, begun; once of each claim, however often the log names it. */
function ofClaim(
  claim: Pick<Logged, 'claimed_by' | 'claimed_at' | 'begun_by' | 'begun_at' | 'attempt' | 'epoch'> & { claim_id: string; until?: number },
  claims: Set<string>,
): Step[] {
  const { claim_id: claimId, begun_at: begunAt, attempt, until = Number.POSITIVE_INFINITY } = claim;
  const shared = { ...(claim.epoch === null ? {} : { epoch: claim.epoch }), claimId };
  const claimedAt = claim.claimed_at ?? madeAt(claimId);
  const steps: Step[] = [];
  if (!claims.has(claimId)) {
    const by = claim.claimed_by === null ? {} : { worker: claim.claimed_by };
    steps.push(step(Math.min(claimedAt, until), { at: claimedAt, what: 'claimed', ...shared, ...by }));
  }
  claims.add(claimId);
  const began = `${claimId} ${attempt}`;
  if (begunAt !== null && attempt !== null && !claims.has(began)) {
    const by = claim.begun_by === null ? {} : { worker: claim.begun_by };
    const order = Math.min(Math.max(begunAt, claimedAt), until);
    steps.push(step(order, { at: begunAt, what: 'begun', ...shared, attempt, ...by }));
    claims.add(began);
  }
  return steps;
}

function ofClick({ clicked_at: at, creative_id: creative, ad_id: ad, bot, duplicate, ...shown }: Clicked): Step {
  const label = bot ? 'bot' : 'duplicate';
  const { asset_id: assetId, started_at: startedAt, duration_ms: durationMs } = shown;
  const play = startedAt === null || durationMs === null ? {} : { play: { assetId: assetId ?? '', startedAt, durationMs } };
  return step(at, { at, what: 'clicked', assetId: creative ?? ad, ...(bot || duplicate ? { label } : {}), ...play });
}

const OF_SCREENS: Readonly<Record<string, TimelineWord>> = {
  install_ack: 'acknowledged',
  display_start: 'played',
  display_complete: 'off_air',
  error: 'error',
  revoke_ack: 'revoked',
};

function ofScreen({ event_type, at, occurred_at, version, reason }: Said): Step | undefined {
  const what = OF_SCREENS[event_type];
  if (what === undefined) return undefined;
  return step(at, { at, what, version, ...(occurred_at === null ? {} : { occurredAt: occurred_at }), ...reasonOf(reason) });
}

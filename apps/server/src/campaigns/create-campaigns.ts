import { createHash } from 'node:crypto';
import {
  type AssetView,
  type CampaignSchedule,
  type CreateCampaign,
  type CreatedCampaign,
  nextSlot,
  recurrenceOf,
} from '@marquee/contracts';
import { Batcher } from '../kit/batcher.js';
import { canonicalJson } from '../kit/canonical-json.js';
import type { Clock } from '../kit/clock.js';
import { ProblemError } from '../kit/errors.js';
import { newId } from '../kit/ids.js';
import type { Database } from '../store/database.js';
import { shownContent } from './campaign-view.js';
import type { ValuesOf } from '../store/statement.js';
import { createCampaigns, firstAnswers } from './campaigns.store.js';

/** Most campaigns in one statement: 500 creates at once are three or four round trips, not 500. */
const BATCH = 200;
const MAX_PENDING = 20_000;

interface Wanted {
  key: string;
  digest: Buffer;
  body: CreateCampaign;
  answer: CreatedCampaign;
}

type Outcome = { status: 'answered'; answer: CreatedCampaign } | { status: 'conflict' };

/** Creates campaigns in batches: what arrives while one batch is being stored makes the next. */
export class CampaignCreator {
  private readonly batcher: Batcher<Wanted, Outcome>;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {
    this.batcher = new Batcher({ size: BATCH, waitMs: 0, concurrency: 2, maxPending: MAX_PENDING, flush: (wanted) => this.store(wanted) });
  }

  /** Stores the campaign and answers it; the same key and body get the first one's answer, another body IDEMPOTENCY_CONFLICT. */
  async create(body: CreateCampaign, warnings: string[]): Promise<CreatedCampaign> {
    const wanted = { key: body.idempotencyKey, digest: digestOf(body), body, answer: this.answerTo(body, warnings) };
    return settle(await this.batcher.add(wanted));
  }

  /** What the first request with this key was answered, if there was one; another body: IDEMPOTENCY_CONFLICT. */
  async earlier(body: CreateCampaign): Promise<CreatedCampaign | undefined> {
    const first = (await this.firstOf([body.idempotencyKey])).get(body.idempotencyKey);
    return first === undefined ? undefined : settle(outcomeOf(first, digestOf(body)));
  }

  private answerTo(body: CreateCampaign, warnings: string[]): CreatedCampaign {
    const now = new Date(this.clock.now()).toISOString();
    return {
      id: newId(),
      name: body.name,
      version: 1,
      liveVersion: null,
      status: 'draft',
      channel: body.channel,
      startAt: body.startAt ?? null,
      expireAt: body.expireAt ?? null,
      metadata: body.metadata,
      audience: body.audience,
      priority: body.priority,
      window: body.window ?? null,
      clickUrl: body.clickUrl ?? null,
      dispatch: body.dispatch,
      ...this.sendingOf(body),
      assets: assetsOf(body),
      epoch: 0,
      paused: false,
      buildError: null,
      createdAt: now,
      updatedAt: now,
      warnings,
    };
  }

  /** What only campaigns have that are sent to recipients one by one. */
  private sendingOf(body: CreateCampaign): Pick<CreatedCampaign, 'content' | 'rate' | 'onUnknown' | 'schedule' | 'nextRunAt'> {
    if (body.channel === 'screen') return { content: null, rate: null, onUnknown: 'hold', schedule: null, nextRunAt: null };
    return {
      content: shownContent(body.content),
      rate: body.rate ?? null,
      onUnknown: body.onUnknown,
      schedule: body.schedule ?? null,
      nextRunAt: body.dispatch === 'auto' ? firstRunOf(body, this.clock.now()) : null,
    };
  }

  private async store(batch: Wanted[]): Promise<Outcome[]> {
    const firstOfKey = new Map<string, Wanted>();
    for (const wanted of batch) if (!firstOfKey.has(wanted.key)) firstOfKey.set(wanted.key, wanted);
    const rows = await this.database.run(createCampaigns, columnsOf([...firstOfKey.values()]));
    const stored = new Set(rows.map((row) => row.id));
    const known = new Map<string, First>();
    for (const [key, wanted] of firstOfKey) if (stored.has(wanted.answer.id)) known.set(key, wanted);
    const taken = [...firstOfKey.keys()].filter((key) => !known.has(key));
    for (const [key, first] of await this.firstOf(taken)) known.set(key, first);
    return batch.map((wanted) => outcomeOf(known.get(wanted.key), wanted.digest));
  }

  private async firstOf(keys: string[]): Promise<Map<string, First>> {
    if (keys.length === 0) return new Map();
    const rows = await this.database.run(firstAnswers, { keys });
    return new Map(
      rows.flatMap((row): [string, First][] =>
        row.request_sha256 === null || row.first_answer === null
          ? []
          : [[row.idempotency_key, { digest: row.request_sha256, answer: row.first_answer as CreatedCampaign }]],
      ),
    );
  }
}

interface First {
  digest: Buffer;
  answer: CreatedCampaign;
}

function outcomeOf(first: First | undefined, digest: Buffer): Outcome {
  return first?.digest.equals(digest) === true ? { status: 'answered', answer: first.answer } : { status: 'conflict' };
}

function settle(outcome: Outcome): CreatedCampaign {
  if (outcome.status === 'answered') return outcome.answer;
  throw new ProblemError('IDEMPOTENCY_CONFLICT', ['idempotencyKey: was used with another body before']);
}

/** When a campaign that runs by itself runs first: at its start, or at the first slot of its schedule; null when it has none to come. */
export function firstRunOf(
  {
    schedule,
    startAt,
    expireAt,
  }: { schedule?: CampaignSchedule | null | undefined; startAt?: number | undefined; expireAt?: number | undefined },
  now: number,
): number | null {
  if (schedule === undefined || schedule === null) return startAt ?? now;
  return nextSlot(recurrenceOf(schedule, { startAt: startAt ?? null, expireAt: expireAt ?? null }), now) ?? null;
}

/** Two bodies are the same when they are equal after validation and defaults, whatever the order of their keys. */
function digestOf(body: CreateCampaign): Buffer {
  return createHash('sha256').update(canonicalJson(body)).digest();
}

function assetsOf(body: CreateCampaign): AssetView[] {
  if (body.channel !== 'screen') return [];
  return body.assets.map((asset) => ({
    id: newId(),
    assetType: asset.assetType,
    url: asset.url,
    checksum: '',
    durationMs: asset.durationMs ?? null,
    sizeBytes: 0,
    state: 'pending',
    reason: null,
  }));
}

function columnsOf(batch: Wanted[]): ValuesOf<typeof createCampaigns.takes> {
  const assets = batch.flatMap(({ answer }) => answer.assets.map((asset, position) => ({ ...asset, position, campaignId: answer.id })));
  return {
    ids: batch.map(({ answer }) => answer.id),
    names: batch.map(({ answer }) => answer.name),
    channels: batch.map(({ answer }) => answer.channel),
    startAts: batch.map(({ answer }) => answer.startAt),
    expireAts: batch.map(({ answer }) => answer.expireAt),
    metadatas: batch.map(({ answer }) => JSON.stringify(answer.metadata)),
    audiences: batch.map(({ answer }) => JSON.stringify(answer.audience)),
    priorities: batch.map(({ answer }) => answer.priority),
    windows: batch.map(({ answer }) => (answer.window === null ? null : JSON.stringify(answer.window))),
    clickUrls: batch.map(({ answer }) => answer.clickUrl),
    dispatches: batch.map(({ answer }) => answer.dispatch),
    contents: batch.map(({ body }) => (body.channel === 'screen' ? null : JSON.stringify(body.content))),
    rates: batch.map(({ answer }) => answer.rate?.perSecond ?? null),
    onUnknowns: batch.map(({ answer }) => answer.onUnknown),
    schedules: batch.map(({ answer }) => (answer.schedule === null ? null : JSON.stringify(answer.schedule))),
    nextSlots: batch.map(({ answer }) => answer.nextRunAt),
    keys: batch.map(({ key }) => key),
    digests: batch.map(({ digest }) => digest),
    answers: batch.map(({ answer }) => JSON.stringify(answer)),
    createdAts: batch.map(({ answer }) => Date.parse(answer.createdAt)),
    assetIds: assets.map((asset) => asset.id),
    assetCampaigns: assets.map((asset) => asset.campaignId),
    assetPositions: assets.map((asset) => asset.position),
    assetTypes: assets.map((asset) => asset.assetType),
    assetUrls: assets.map((asset) => asset.url),
    assetDurations: assets.map((asset) => asset.durationMs),
  };
}

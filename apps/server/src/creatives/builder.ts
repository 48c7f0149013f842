import { backoff } from '../kit/backoff.js';
import { Batcher } from '../kit/batcher.js';
import { reasonOf } from '../kit/errors.js';
import { scanCode, scanLink } from '../kit/scan-codes.js';
import type { Log } from '../kit/log.js';
import { Actor, type OnActorError } from '../kit/actor.js';
import type { Database } from '../store/database.js';
import type { Fact, Outbox } from '../store/outbox.js';
import type { AssetSources } from './asset-sources.js';
import { beginBuilds, creativesToBuild, failBuild, finishBuilds, reofferDeliveries } from './creatives.store.js';
import type { CreativeAsset } from './manifest.js';
import { renderTemplate } from './template/render.js';

export interface BuilderOptions {
  /** The net below the wake-ups, ms. */
  pollMs: number;
  /** Where QR codes lead that no screen draws itself. */
  apiBaseUrl(): Promise<string>;
  onError: OnActorError;
}

const DRIVING = ['campaign_created', 'campaign_edited'];
const FACTS_A_TURN = 100;
/** Builds that wait for assets at one time; beyond, no more facts are taken. */
const MOST_WAITING = 2000;

/** Builds the template of each version of a campaign. Driven by the outbox alone: what a crash interrupts is taken again. */
export class Builder extends Actor {
  private readonly waiting = new Set<Promise<void>>();
  /** Facts whose builds were interrupted, to be given back as soon as the database takes a word: their lease is much longer. */
  private readonly interrupted: Fact[] = [];
  /** Campaigns that waited for the same asset are ready at the same moment, and are built together. */
  private readonly waited = new Batcher<Fact, void>({
    size: FACTS_A_TURN,
    waitMs: 0,
    flush: async (facts) => {
      await this.build(facts);
      return facts.map(() => undefined);
    },
  });

  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly sources: AssetSources,
    private readonly options: BuilderOptions,
    private readonly log: Log,
  ) {
    super('builder', options.onError);
  }

  override async stop(): Promise<void> {
    await super.stop();
    await Promise.all(this.waiting);
  }

  protected override async turn(): Promise<number> {
    await this.giveBack();
    if (this.waiting.size >= MOST_WAITING) {
      await Promise.race(this.waiting);
      return 0;
    }
    const facts: Fact[] = [];
    for (const kind of DRIVING) facts.push(...(await this.outbox.take(this.database, kind, FACTS_A_TURN)));
    if (facts.length === 0) return await this.nextIn();
    const waits = await this.orGiveBack(facts, () => this.sources.prepare(facts.map((fact) => fact.aggregateId)));
    for (const fact of facts) {
      const wait = waits.get(fact.aggregateId);
      if (wait !== undefined) this.buildAfter(wait, fact);
    }
    await this.build(facts.filter((fact) => !waits.has(fact.aggregateId)));
    return 0;
  }

  private async nextIn(): Promise<number> {
    let next = this.options.pollMs;
    for (const kind of DRIVING) next = await this.outbox.nextIn(this.database, kind, next);
    return next;
  }

  private buildAfter(wait: Promise<void>, fact: Fact): void {
    const built = wait
      .then(() => this.waited.add(fact))
      .catch((error: unknown) => this.options.onError(error, 'builder'))
      .finally(() => this.waiting.delete(built));
    this.waiting.add(built);
  }

  private async giveBack(): Promise<void> {
    const facts = this.interrupted.splice(0);
    await this.orGiveBack(facts, () => this.outbox.postpone(this.database, facts, 0, 'the build was interrupted'));
  }

  private async build(facts: Fact[]): Promise<void> {
    if (facts.length > 0) await this.orGiveBack(facts, () => this.buildAll(facts));
  }

  private async orGiveBack<Result>(facts: Fact[], work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      this.interrupted.push(...facts);
      throw error;
    }
  }

  private async buildAll(facts: Fact[]): Promise<void> {
    const begun = await this.database.run(beginBuilds, { ids: facts.map((fact) => fact.aggregateId) });
    const rows = await this.database.run(creativesToBuild, { ids: begun.map((row) => row.id) });
    const apiBaseUrl = await this.options.apiBaseUrl();
    const built: { id: string; version: number; sha256: string; html: string }[] = [];
    const failed = new Set<string>();
    for (const row of rows) {
      const slides = (row.assets as CreativeAsset[]).map((asset) => ({
        assetId: asset.id,
        assetType: asset.assetType,
        url: asset.url,
        durationMs: asset.durationMs,
        link: row.click_url === null ? undefined : scanLink(apiBaseUrl, scanCode(row.code_key, asset.number)),
      }));
      try {
        const { id, version, name } = row;
        const page = renderTemplate({ campaignId: id, version, name, metadata: row.metadata as Record<string, unknown>, slides });
        built.push({ id, version, ...page });
      } catch (error) {
        failed.add(row.id);
        await this.database.run(failBuild, { id: row.id, reason: reasonOf(error) });
        this.log.error({ err: error, campaign: row.id }, 'a template could not be built; it will be tried again');
      }
    }
    await this.finish(facts, built, failed);
  }

  private async finish(
    facts: Fact[],
    built: { id: string; version: number; sha256: string; html: string }[],
    failed: Set<string>,
  ): Promise<void> {
    await this.database.transaction(async (transaction) => {
      const live = await transaction.run(finishBuilds, {
        ids: built.map((each) => each.id),
        versions: built.map((each) => each.version),
        digests: built.map((each) => each.sha256),
        pages: built.map((each) => each.html),
      });
      if (live.length > 0) await transaction.run(reofferDeliveries, { ids: live.map((row) => row.id) });
      await this.outbox.finish(
        transaction,
        facts.filter((fact) => !failed.has(fact.aggregateId)),
      );
    });
    for (const fact of facts.filter((each) => failed.has(each.aggregateId))) {
      await this.outbox.postpone(this.database, [fact], backoff(fact.attempts, { firstMs: 1000, maxMs: 300_000 }), 'the build failed');
    }
  }
}

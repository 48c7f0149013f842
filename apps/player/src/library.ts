import type { Clock } from './clock.js';
import { type Fetched, type Installer, mediaKey, reasonOf } from './installer.js';
import { bringsNothing, type Offer } from './manifest.js';
import type { Outbox } from './outbox.js';
import { isFull } from './room.js';
import type { Installed, Store, Tombstone } from './store.js';

/** The same manifest is answered again only after this long: a lost answer is healed, a doubled message not echoed. */
const ANSWER_AGAIN_MS = 5_000;
/** A revoke of a campaign that was never seen does not say until when the campaign would run. */
const TOMBSTONE_MS = 90 * 24 * 3_600_000;

interface Job {
  offer: Offer;
  abort: AbortController;
  /** Revoked or expired meanwhile: what it brings is no longer wanted. */
  over: boolean;
}

/**
 * Which campaigns this screen has. Takes offers and revokes in the order in which they came, decides at once from what is in
 * memory, and answers only when the store has it: an acknowledgement that was sent is true after a power cut too.
 */
export class Library {
  readonly #installed = new Map<string, Installed>();
  readonly #tombstones = new Map<string, Tombstone>();
  readonly #jobs = new Map<string, Job>();
  /** When a campaign's manifest was last answered. */
  readonly #answeredAt = new Map<string, number>();
  /** What there was no room for, and until when it would play. */
  readonly #roomless = new Map<string, number>();
  /** Installed, but some of its media is gone from the store and could not be fetched yet; with the reason that was told. */
  readonly #broken = new Map<string, string>();

  constructor(
    private readonly store: Store,
    private readonly installer: Pick<Installer, 'fetch'>,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly changed: () => void,
  ) {}

  /** Takes up what the store holds. Call once, before anything else. */
  async load(): Promise<void> {
    const [campaigns, tombstones] = await Promise.all([this.store.campaigns(), this.store.tombstones()]);
    for (const campaign of campaigns) {
      this.#installed.set(campaign.campaignId, campaign);
      this.#answeredAt.set(campaign.campaignId, campaign.installedAt);
    }
    const now = this.clock.now();
    const dead = tombstones.filter(({ until }) => until <= now);
    for (const tombstone of tombstones) if (!dead.includes(tombstone)) this.#tombstones.set(tombstone.campaignId, tombstone);
    if (dead.length > 0) await this.store.dropTombstones(dead.map(({ campaignId }) => campaignId));
  }

  /** Every installed campaign, whether it plays now or not. */
  get campaigns(): Installed[] {
    return [...this.#installed.values()];
  }

  get(campaignId: string): Installed | undefined {
    return this.#installed.get(campaignId);
  }

  /** How many are being installed. */
  get installing(): number {
    return this.#jobs.size;
  }

  /** True while a campaign that is wanted could not be installed for lack of room. */
  get full(): boolean {
    const now = this.clock.now();
    for (const [campaignId, until] of this.#roomless) if (until <= now) this.#roomless.delete(campaignId);
    return this.#roomless.size > 0;
  }

  /** An offer: installed and acknowledged, answered again, or left where it brings nothing. */
  offer(offer: Offer): void {
    if (offer.expireAt <= this.clock.now() || this.#isRevoked(offer)) return;
    const installed = this.#installed.get(offer.campaignId);
    const whole = installed !== undefined && !this.#broken.has(offer.campaignId);
    if (installed !== undefined && bringsNothing(offer, installed.offer) && (whole || offer.version < installed.offer.version)) {
      if (offer.version === installed.offer.version) this.#answerAgain(installed);
      return;
    }
    const job = this.#jobs.get(offer.campaignId);
    if (job !== undefined && bringsNothing(offer, job.offer)) return;
    job?.abort.abort();
    void this.#install({ offer, abort: new AbortController(), over: false });
  }

  /** Takes a campaign off, with all that only it needed, and keeps it off; acknowledged also when there was nothing to take off. */
  async revoke(campaignId: string): Promise<void> {
    const installed = this.#installed.get(campaignId);
    const job = this.#jobs.get(campaignId);
    const before = this.#tombstones.get(campaignId);
    const seen = [installed?.offer, job?.offer].filter((offer) => offer !== undefined);
    const version = Math.max(before?.version ?? -1, ...seen.map((offer) => offer.version));
    const tombstone: Tombstone = {
      campaignId,
      version: version < 0 ? null : version,
      until: Math.max(before?.until ?? 0, ...seen.map(({ expireAt }) => expireAt), seen.length === 0 ? this.clock.now() + TOMBSTONE_MS : 0),
    };
    this.#tombstones.set(campaignId, tombstone);
    if (job !== undefined) this.#end(job);
    this.#forget(campaignId);
    const removed = this.store.remove(campaignId, this.#needless(seen), tombstone);
    this.changed();
    try {
      await removed;
    } catch (error) {
      // Off air, but it would be back after a reload: that is no revoke to acknowledge. It is asked for again.
      console.error('library: not revoked', error);
      return;
    }
    await this.outbox.record('REVOKE_ACK', { campaignId, version: Math.max(0, version) });
  }

  /** Removes what has expired by now, with its media. */
  expire(): void {
    const now = this.clock.now();
    for (const { offer } of this.campaigns) if (offer.expireAt <= now) this.#drop(offer);
    for (const job of this.#jobs.values()) if (job.offer.expireAt <= now) this.#end(job);
  }

  /** Drops the media that an install left which came to no end and was not offered again. */
  async sweep(): Promise<void> {
    await this.store.sweepMedia(() => this.#needed());
  }

  /** Gives up a campaign whose stored template is gone, so that the next offer installs it anew. */
  async discard(campaign: Installed, reason: string): Promise<void> {
    if (this.#installed.get(campaign.campaignId) !== campaign) return;
    this.#drop(campaign.offer);
    await this.outbox.recordError(campaign.offer, reason);
  }

  /**
   * Fetches what of an installed campaign is gone from the store, `keys` of media, and acknowledges it again; ERROR, once a reason, when it cannot.
   * It stays installed meanwhile: what is left of it plays.
   */
  async repair(campaign: Installed, keys: string[]): Promise<void> {
    const { campaignId, offer } = campaign;
    if (this.#installed.get(campaignId) !== campaign || this.#jobs.has(campaignId)) return;
    if (!this.#broken.has(campaignId)) this.#broken.set(campaignId, '');
    await this.store.dropMedia(keys).catch((error: unknown) => console.warn('library: not dropped', error));
    if (this.#installed.get(campaignId) !== campaign || this.#jobs.has(campaignId)) return;
    await this.#install({ offer, abort: new AbortController(), over: false });
  }

  #end(job: Job): void {
    job.over = true;
    job.abort.abort();
    this.#jobs.delete(job.offer.campaignId);
  }

  #forget(campaignId: string): void {
    this.#installed.delete(campaignId);
    this.#answeredAt.delete(campaignId);
    this.#roomless.delete(campaignId);
    this.#broken.delete(campaignId);
  }

  #drop(offer: Offer): void {
    this.#forget(offer.campaignId);
    this.store.remove(offer.campaignId, this.#needless([offer])).catch((error: unknown) => console.error('library: not removed', error));
    this.changed();
  }

  #isRevoked(offer: Offer): boolean {
    const tombstone = this.#tombstones.get(offer.campaignId);
    if (tombstone === undefined) return false;
    if (tombstone.version !== null) return offer.version <= tombstone.version;
    // The first manifest after a revoke that knew no version is the one which that revoke overtook.
    const settled: Tombstone = { campaignId: offer.campaignId, version: offer.version, until: Math.max(offer.expireAt, this.clock.now()) };
    this.#tombstones.set(offer.campaignId, settled);
    this.store.putTombstone(settled).catch((error: unknown) => console.error('library: tombstone not kept', error));
    return true;
  }

  #answerAgain(installed: Installed): void {
    const now = this.clock.now();
    const since = now - (this.#answeredAt.get(installed.campaignId) ?? Number.NEGATIVE_INFINITY);
    // A clock that was set back would hold the answer for as long as it was set back.
    if (since >= 0 && since <= ANSWER_AGAIN_MS) return;
    this.#acknowledge(installed, now);
  }

  #acknowledge(installed: Installed, now: number): void {
    this.#answeredAt.set(installed.campaignId, now);
    const payload = installed.missing.length > 0 ? { missing: installed.missing } : undefined;
    void this.outbox.record('INSTALL_ACK', installed.offer, payload);
  }

  async #install(job: Job): Promise<void> {
    const { offer, abort } = job;
    this.#jobs.set(offer.campaignId, job);
    this.changed();
    const failed = await this.#bring(job).catch((error: unknown) => ({ reason: reasonOf(error), full: isFull(error) }));
    if (this.#jobs.get(offer.campaignId) === job) this.#jobs.delete(offer.campaignId);
    // Before the ERROR is told: an event must find room. What another version or campaign has is none of this.
    if (failed?.full === true) await this.#makeRoom([offer]);
    this.changed();
    if (failed === undefined || abort.signal.aborted) return;
    if (failed.full) this.#roomless.set(offer.campaignId, offer.expireAt);
    // One that is broken is tried again and again until its start, and tells a reason once.
    const told = this.#broken.get(offer.campaignId);
    if (told === failed.reason) return;
    if (told !== undefined) this.#broken.set(offer.campaignId, failed.reason);
    await this.outbox.recordError(offer, failed.reason);
  }

  /** Fetches, commits and acknowledges; answers why not, when it cannot. */
  async #bring(job: Job): Promise<{ reason: string; full: boolean } | undefined> {
    const { offer, abort } = job;
    const fetched = await this.#fetch(job);
    if (!fetched.ok) return fetched;
    // The commit would come after the removal that a revoke has begun, and bring the campaign back with the next reload.
    abort.signal.throwIfAborted();
    const { campaign, template } = fetched;
    const previous = this.#installed.get(offer.campaignId);
    await this.store.install(campaign, template, previous === undefined ? [] : this.#needless([previous.offer], previous));
    // Taken off while the commit was on its way: the removal comes after it. A newer offer alone does not undo what is installed.
    if (job.over) return undefined;
    this.#installed.set(offer.campaignId, campaign);
    this.#roomless.delete(offer.campaignId);
    this.#broken.delete(offer.campaignId);
    this.#acknowledge(campaign, this.clock.now());
    return undefined;
  }

  /** When there is no room: once more after the media that nothing needs has been dropped. */
  async #fetch({ offer, abort }: Job): Promise<Fetched> {
    const fetched = await this.installer.fetch(offer, abort.signal);
    if (fetched.ok || !fetched.full) return fetched;
    await this.#makeRoom([]);
    return this.installer.fetch(offer, abort.signal);
  }

  /** Drops what nothing needs; `failed` were not installed, and what was fetched for them goes as well. */
  async #makeRoom(failed: Offer[]): Promise<void> {
    const dropped = failed.length === 0 ? this.sweep() : this.store.dropMedia(this.#needless(failed));
    await dropped.catch((error: unknown) => console.warn('library: no room made', error));
  }

  /** The media of these offers that no running install and no installed campaign, but for `without`, needs. */
  #needless(offers: Offer[], without?: Installed): string[] {
    const needed = this.#needed(without);
    return [...new Set(offers.flatMap(({ assets }) => assets.map(mediaKey)))].filter((key) => !needed.has(key));
  }

  #needed(without?: Installed): Set<string> {
    const campaigns = [...this.#installed.values()].filter((campaign) => campaign !== without);
    return new Set([...campaigns, ...this.#jobs.values()].flatMap(({ offer }) => offer.assets.map(mediaKey)));
  }
}

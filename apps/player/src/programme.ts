import { type Schedule, scheduleAt } from '@marquee/contracts/player';
import type { Clock } from './clock.js';
import type { Library } from './library.js';
import type { Offer } from './manifest.js';
import type { Outbox } from './outbox.js';
import { qrOf } from './qr.js';
import type { Stage } from './stage.js';
import type { Act } from './stage-frame.js';
import type { Installed, Showing, Store } from './store.js';

/**
 * The next campaign is loaded this long before its turn. A template that does not wait to be told begins to run then, so no
 * earlier than loading may take.
 */
const PREPARE_MS = 2_500;
/**
 * Longest sleep. Far below 2^31-1 ms, beyond which a timer fires at once; and a clock that was set or a machine that
 * slept is noticed within it.
 */
const MAX_SLEEP_MS = 1_000;

interface Entry extends Offer {
  installed: Installed;
}

/** A new install of the same version may have other content: its frame is another one. */
function keyOf(installed: Installed): string {
  return `${installed.campaignId} ${installed.offer.version} ${installed.installedAt}`;
}

/** Plays the installed campaigns to schedule, and reports what goes on and off air. */
export class Programme {
  #schedule: Schedule<Entry> | undefined;
  /** Reported as on air and not yet as off. */
  #onAir: Showing[] = [];
  #wish: string | undefined;
  /** Acts that broke the rules, by key. */
  readonly #benched = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #begun = false;

  constructor(
    private readonly library: Library,
    private readonly store: Pick<Store, 'template' | 'media' | 'onAir'>,
    private readonly stage: Pick<Stage, 'showing' | 'prepare' | 'show' | 'clear' | 'dismiss'>,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly deviceId: string,
    private readonly changed: (schedule: Schedule<Offer>) => void,
  ) {}

  /** Reports what an earlier life of the page left on air as over, then plays. */
  async begin(): Promise<void> {
    const left = await this.store.onAir();
    for (const [index, showing] of left.entries()) {
      await this.outbox.record('DISPLAY_COMPLETE', showing, { interrupted: true }, left.slice(index + 1));
    }
    this.#begun = true;
    this.refresh();
  }

  /** Looks at the schedule and acts on it; called whenever the library changed and whenever its moment has come. Cheap. */
  refresh(): void {
    if (!this.#begun) return;
    clearTimeout(this.#timer);
    const now = this.clock.now();
    const playable = this.library.campaigns.filter((installed) => !this.#benched.has(keyOf(installed)));
    const entries = playable.map((installed): Entry => ({ ...installed.offer, installed }));
    const schedule = scheduleAt(entries, now);
    this.#schedule = schedule;
    this.#leave(schedule);
    this.#play(schedule);
    this.#prepare(schedule, now);
    this.changed(schedule);
    const moments = [schedule.until, schedule.until - PREPARE_MS].filter((at) => at > now);
    this.#timer = setTimeout(() => this.#wake(), Math.min(MAX_SLEEP_MS, ...moments.map((at) => Math.max(1, at - now))));
  }

  /** Takes an act that broke the rules off the air, until it is installed anew or the page is loaded anew, and reports why. */
  bench(act: Act, reason: string): void {
    this.#benched.add(act.key);
    void this.outbox.recordError(act, reason);
    this.refresh();
  }

  /** Campaigns whose present installation was taken off the air. */
  get benched(): string[] {
    return this.library.campaigns.filter((installed) => this.#benched.has(keyOf(installed))).map(({ campaignId }) => campaignId);
  }

  stop(): void {
    this.#begun = false;
    clearTimeout(this.#timer);
  }

  #wake(): void {
    this.library.expire();
    this.refresh();
  }

  #leave(schedule: Schedule<Entry>): void {
    const isOn = ({ campaignId, version }: Showing): boolean =>
      schedule.onAir.some((entry) => entry.campaignId === campaignId && entry.version === version);
    for (const showing of this.#onAir.filter((one) => !isOn(one))) {
      this.#onAir = this.#onAir.filter((one) => one !== showing);
      void this.outbox.record('DISPLAY_COMPLETE', showing, undefined, this.#onAir);
    }
  }

  #play({ shown, open }: Schedule<Entry>): void {
    const standing = this.stage.showing;
    // What may still play, in this version or the one before, stays until its successor is ready; what may not goes at once.
    if (standing !== undefined && !open.some(({ campaignId }) => standing.startsWith(`${campaignId} `))) this.stage.clear();
    const key = shown === undefined ? undefined : keyOf(shown.installed);
    if (key === this.#wish) return;
    this.#wish = key;
    if (shown !== undefined) void this.#show(shown);
  }

  async #show(entry: Entry): Promise<void> {
    const outcome = await this.stage.show(this.#act(entry.installed)).catch(() => 'gone' as const);
    if (outcome === 'gone') {
      await this.library.discard(entry.installed, 'the stored template is gone');
      return;
    }
    const { campaignId, version } = entry;
    if (outcome === 'superseded' || !this.#schedule?.onAir.some(({ installed }) => installed === entry.installed)) return;
    if (this.#onAir.some((one) => one.campaignId === campaignId && one.version === version)) return;
    this.#onAir = [...this.#onAir, { campaignId, version }];
    void this.outbox.record('DISPLAY_START', entry, undefined, this.#onAir);
  }

  #prepare({ shown, next, until }: Schedule<Entry>, now: number): void {
    this.stage.dismiss(next === undefined ? undefined : keyOf(next.installed));
    if (next === undefined || next.installed === shown?.installed) return;
    if (until - now <= PREPARE_MS) this.stage.prepare(this.#act(next.installed)).catch(() => undefined);
  }

  #act(installed: Installed): Act {
    return {
      key: keyOf(installed),
      campaignId: installed.campaignId,
      version: installed.offer.version,
      assetIds: new Set(installed.offer.assets.map(({ id }) => id)),
      html: async () => (await this.store.template(installed.campaignId))?.text(),
      asset: async (assetId) => {
        const key = installed.media[assetId];
        return key === undefined ? undefined : this.store.media(key);
      },
      qr: (assetId) => qrOf(installed.offer, assetId, this.deviceId),
    };
  }
}

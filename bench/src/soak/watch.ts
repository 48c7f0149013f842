import { pathTo, type ScreenView } from '@marquee/contracts';
import type { CuttableNetwork } from './cuttable-network.js';
import { judge, type Sight, type Standing } from './judge.js';
import type { Planner } from './planner.js';
import type { ScreenBrowser } from './screen-browser.js';

const LOOK_MS = 1_000;
/** Every so many looks, why each campaign plays or does not is asked too. */
const WHY_EVERY = 5;

export interface Disagreement {
  at: string;
  minute: number;
  sentence: string;
}

/** Looks once a second at the screen itself and at what the console says of it, and keeps what cannot both be true. */
export class Watch {
  readonly disagreements: Disagreement[] = [];
  /** How long each campaign was seen on the screen, ms; '' for nothing. */
  readonly seenMs = new Map<string, number>();
  looks = 0;
  screen: ScreenBrowser | undefined;
  serverUp = true;
  private standing: Standing;
  private lastLookAt: number | undefined;
  private readonly begunAt = Date.now();
  private running: Promise<void> | undefined;
  private stopped = false;

  constructor(
    private readonly deviceId: string,
    private readonly network: CuttableNetwork,
    private readonly planner: Planner,
  ) {
    this.standing = { network: 'up', browser: false, server: true, since: this.begunAt };
  }

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  /** The screen's page begins anew: it may be empty for a moment. */
  begunAnew(): void {
    this.standing = { ...this.standing, since: Date.now() };
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const next = performance.now() + LOOK_MS;
      await this.look().catch((error: unknown) => this.note(Date.now(), `could not look: ${String(error)}`));
      await new Promise((resolve) => setTimeout(resolve, Math.max(50, next - performance.now())));
    }
  }

  private async look(): Promise<void> {
    const at = Date.now();
    this.stand(at);
    this.looks += 1;
    if (this.serverUp) await this.planner.look();
    const asked = this.serverUp && this.looks % WHY_EVERY === 0;
    const [shown, console, why] = await Promise.all([
      this.screen?.shown(),
      this.serverUp ? this.askConsole() : undefined,
      asked ? this.askWhy() : undefined,
    ]);
    if (shown !== undefined)
      this.seenMs.set(shown ?? '', (this.seenMs.get(shown ?? '') ?? 0) + Math.min(at - (this.lastLookAt ?? at), 3 * LOOK_MS));
    this.lastLookAt = at;
    this.stand(at);
    const sight: Sight = { at, shown, ...(console === undefined ? {} : { console }), ...(why === undefined ? {} : { why }) };
    for (const sentence of judge(this.planner.parts, this.standing, sight)) this.note(at, sentence);
  }

  /** What changed under the look counts from now on. */
  private stand(at: number): void {
    const now = { network: this.network.state, browser: this.screen !== undefined, server: this.serverUp };
    const same = now.network === this.standing.network && now.browser === this.standing.browser && now.server === this.standing.server;
    if (!same) this.standing = { ...now, since: at };
  }

  private note(at: number, sentence: string): void {
    this.disagreements.push({ at: new Date(at).toISOString(), minute: Math.round((at - this.begunAt) / 6_000) / 10, sentence });
    process.stderr.write(`  ${new Date(at).toISOString()} ${sentence}\n`);
  }

  private async askConsole(): Promise<Sight['console']> {
    const screen = await this.read<ScreenView>(pathTo('screen', this.deviceId));
    return screen === undefined ? undefined : { status: screen.status, nowPlaying: screen.nowPlaying?.campaignId ?? null };
  }

  private async askWhy(): Promise<Sight['why']> {
    const answers = await Promise.all(
      this.planner.parts.map(async ({ id }) => {
        const said = await this.read<{ reason: string; sentence: string }>(`${pathTo('campaign', id)}/why?deviceId=${this.deviceId}`);
        return said === undefined ? undefined : { campaignId: id, ...said };
      }),
    );
    return answers.filter((answer) => answer !== undefined);
  }

  private async read<Body>(path: string): Promise<Body | undefined> {
    const reply = await fetch(this.planner.api.url + path).catch(() => undefined);
    if (reply?.ok !== true) {
      await reply?.body?.cancel();
      return undefined;
    }
    return (await reply.json()) as Body;
  }
}

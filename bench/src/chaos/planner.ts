import { setTimeout as delay } from 'node:timers/promises';
import { type Api, campaignBody } from '../api.js';

const HOUR_MS = 3_600_000;
const AGAIN_MS = 200;

/** A campaign that the server has taken, as its planner remembers it. */
export interface Planned {
  id: string;
  targets: ReadonlySet<string>;
  /** The cancel was answered. */
  cancelled: boolean;
}

/** Creates campaigns over and over and cancels some, as a client does that repeats what was not answered. */
export class Planner {
  readonly planned: Planned[] = [];
  private readonly cancels: Promise<void>[] = [];
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly api: Api,
    private readonly asset: string,
    private readonly screens: readonly string[],
    private readonly random: () => number,
  ) {}

  start(): void {
    this.running = this.run();
  }

  /** Plans nothing more; resolves when everything that was asked for is answered. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
    await Promise.all(this.cancels);
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      await this.plan();
      await delay(200 + this.random() * 1000);
    }
  }

  private async plan(): Promise<void> {
    const { random } = this;
    const targets = this.draw();
    const now = Date.now();
    const body = {
      ...campaignBody(this.asset, `Chaos ${this.planned.length + 1}`),
      startAt: now + Math.round(random() * 3000),
      expireAt: now + (random() < 0.2 ? 6000 + Math.round(random() * 10_000) : HOUR_MS),
      audience: { ids: [...targets] },
    };
    const cancelAfterMs = random() < 0.3 ? random() * 4000 : undefined;
    // The same key each time: whatever the first attempts came to, there is one campaign.
    const { id } = await untilAnswered(() => this.api.create(body));
    const planned = { id, targets, cancelled: false };
    this.planned.push(planned);
    if (cancelAfterMs !== undefined) this.cancels.push(this.cancelLater(planned, cancelAfterMs));
  }

  private async cancelLater(planned: Planned, afterMs: number): Promise<void> {
    await delay(afterMs);
    const { status } = await untilAnswered(() => this.api.cancel(planned.id));
    planned.cancelled = status === 'cancelled';
  }

  /** All screens, some, or one. */
  private draw(): Set<string> {
    const { random, screens } = this;
    const kind = random();
    if (kind < 0.4) return new Set(screens);
    if (kind < 0.5) return new Set([screens[Math.floor(random() * screens.length)] ?? '']);
    const share = random();
    const some = screens.filter(() => random() < share);
    return new Set(some.length > 0 ? some : screens);
  }
}

async function untilAnswered<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      // What the server refuses is a mistake here; what it cannot answer now is asked again.
      if (error instanceof Error && / answered 4\d\d: /.test(error.message)) throw error;
      await delay(AGAIN_MS);
    }
  }
}

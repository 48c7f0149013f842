import { setTimeout as delay } from 'node:timers/promises';
import type { Api } from '../api.js';
import type { HookPost } from '../children/hook-log.js';

/** From the answer to a pause until the resume was asked for, epoch ms: meanwhile nothing may start. */
export interface Pause {
  from: number;
  until: number;
  /** The answer said that nothing was mid-air any more. */
  drained: boolean;
  answerMs: number;
}

/** How much later than the answer to a pause may arrive what had started before it, ms. */
const ON_THE_WAY_MS = 20;

/** The sender's own stamp is later than the answer to a pause, and earlier than its resume. */
export function startedWhilePaused({ stamp }: HookPost, pauses: readonly Pause[]): boolean {
  return pauses.some(({ from, until }) => stamp > from && stamp < until);
}

/** It was here later than what had started before the answer may be; after an answer that nothing is mid-air, at all. */
export function arrivedWhilePaused({ receivedAt }: HookPost, pauses: readonly Pause[]): boolean {
  return pauses.some(({ from, until, drained }) => receivedAt > from + (drained ? 0 : ON_THE_WAY_MS) && receivedAt < until);
}

interface Paused {
  draining: number;
}

/** Pauses a campaign again and again as long as it runs. */
export class Pauses {
  readonly pauses: Pause[] = [];
  /** Answers that could not be confirmed, or did not come because whoever should give them was killed. */
  unconfirmed = 0;

  constructor(
    private readonly api: Api,
    private readonly campaign: string,
  ) {}

  /** Pauses, holds it for a while, and resumes; every other time it waits until what is mid-air has ended. */
  async once(holdMs: number): Promise<void> {
    const waits = this.pauses.length % 2 === 1;
    const asked = performance.now();
    const answer = await this.api.post<Paused>(`/campaigns/${this.campaign}/pause${waits ? '?wait=3000' : ''}`).catch(() => undefined);
    const from = Date.now();
    const answerMs = performance.now() - asked;
    await delay(holdMs);
    const until = Date.now();
    if (answer === undefined) this.unconfirmed += 1;
    else this.pauses.push({ from, until, drained: answer.draining === 0, answerMs });
    await this.resume();
  }

  /** Until it is not paused any more, whoever has to be up for it. */
  async resume(): Promise<void> {
    for (;;) {
      try {
        const { paused } = await this.api.campaign(this.campaign);
        if (!paused) return;
        await this.api.post(`/campaigns/${this.campaign}/resume`);
      } catch {
        await delay(50);
      }
    }
  }
}

import type { ClickMessage } from '../click.js';

/** What the sender of a click is told: it is accepted; no room now; or nothing took it within the deadline, though it may still be counted. */
export type Accepted = 'OK' | 'OVERLOADED' | 'LATE';

/** An accepted click in memory, until the broker, the fallback or the dead letters have it. */
export class Entry implements ClickMessage {
  /** The broker, the fallback or the dead letters have it: a death of this process costs it nothing. */
  safe = false;
  /** The broker has it. */
  confirmed = false;
  /** The fallback has it, so it is to be taken out again when the broker has confirmed. */
  kept = false;
  /** When it was clicked, epoch ms, where it counts as accepted only when it is safe: nobody was told OK before. */
  clickedAt: number | undefined;
  /** Why it can never be published. */
  dead: string | undefined;
  /** Those who wait for it to be safe: of a repetition there is one more. */
  answer: ((accepted: Accepted) => void) | undefined;
  moreAnswers: ((accepted: Accepted) => void)[] | undefined;

  constructor(
    readonly process: number,
    readonly seq: number,
    readonly messageId: string,
    readonly body: string,
  ) {}
}

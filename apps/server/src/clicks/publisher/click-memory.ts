import type { Accepted, Entry } from './entry.js';

/** Ids remembered after their click is safe: two generations of so many. */
const RECENT = 20_000;

/** The clicks that this process answers for: bounded, found by their messageId, with those who wait for them. */
export class ClickMemory {
  /** Clicks that nothing but this memory holds. */
  size = 0;
  private readonly entries = new Map<string, Entry>();
  /** Others under an id that is there already. */
  private readonly more = new Set<Entry>();
  private recent = new Set<string>();
  private lessRecent = new Set<string>();
  /** In the order of their deadlines, which are all equally far. */
  private deadlines: { entry: Entry; answer: (accepted: Accepted) => void; at: number }[] = [];
  private passed = 0;
  private empty: (() => void)[] = [];

  /** Is told of entries with a `clickedAt` when they are safe. */
  constructor(private readonly onSafe: (clickedAt: number) => void = () => undefined) {}

  add(entry: Entry): void {
    if (this.entries.has(entry.messageId)) this.more.add(entry);
    else this.entries.set(entry.messageId, entry);
    this.size += 1;
  }

  /** The click of this id that is under way; 'safe' when one has just left. */
  find(messageId: string): Entry | 'safe' | undefined {
    const entry = this.entries.get(messageId);
    if (entry !== undefined) return entry;
    return this.recent.has(messageId) || this.lessRecent.has(messageId) ? 'safe' : undefined;
  }

  holds(messageId: string): boolean {
    return this.entries.has(messageId);
  }

  /** Resolves when the entry is safe, or at `at` (monotonic ms). */
  whenSafe(entry: Entry, at: number): Promise<Accepted> {
    if (entry.safe) return Promise.resolve('OK');
    return new Promise((answer) => {
      if (entry.answer === undefined) entry.answer = answer;
      else (entry.moreAnswers ??= []).push(answer);
      this.deadlines.push({ entry, answer, at });
    });
  }

  /** Something else holds it too. */
  safe(entry: Entry): void {
    if (entry.safe) return;
    entry.safe = true;
    this.size -= 1;
    if (entry.clickedAt !== undefined) this.onSafe(entry.clickedAt);
    entry.answer?.('OK');
    if (entry.moreAnswers !== undefined) for (const answer of entry.moreAnswers) answer('OK');
    entry.answer = entry.moreAnswers = undefined;
    if (this.size === 0) for (const resolve of this.empty.splice(0)) resolve();
  }

  /** Nobody here works on it any more. It must be safe by then. */
  leave(entry: Entry): void {
    if (this.entries.get(entry.messageId) === entry) this.entries.delete(entry.messageId);
    else this.more.delete(entry);
    if (entry.dead !== undefined) return;
    this.recent.add(entry.messageId);
    if (this.recent.size < RECENT) return;
    this.lessRecent = this.recent;
    this.recent = new Set();
  }

  /** Tells those whose deadline is over; answers how many. */
  answerLate(now: number): number {
    const { deadlines } = this;
    let late = 0;
    for (; this.passed < deadlines.length; this.passed += 1) {
      const waiting = deadlines[this.passed];
      if (waiting === undefined || (!waiting.entry.safe && waiting.at > now)) break;
      if (waiting.entry.safe) continue;
      waiting.answer('LATE');
      late += 1;
    }
    if (this.passed > 1000 || this.passed === deadlines.length) {
      deadlines.splice(0, this.passed);
      this.passed = 0;
    }
    return late;
  }

  whenEmpty(): Promise<void> {
    return this.size === 0 ? Promise.resolve() : new Promise((resolve) => this.empty.push(resolve));
  }

  /** What is not safe. */
  unsafe(): Entry[] {
    return [...this.entries.values(), ...this.more].filter((entry) => !entry.safe);
  }
}

/** What each screen has said, in order: the events of a series, from number 1, kept for whoever asks for them again. */
export class Said {
  /** Another one with each fleet: its screens' memory begins anew. */
  readonly series: string;
  private readonly events: string[][];

  constructor(screens: number) {
    this.series = crypto.randomUUID();
    this.events = Array.from({ length: screens }, () => []);
  }

  /** Numbers an event of the screen; `write` makes its text of the members of the payload that hold the number. */
  add(screen: number, write: (numbers: string) => string): string {
    const events = this.events[screen] ?? [];
    const event = write(`"seq":${events.length + 1},"series":"${this.series}"`);
    events.push(event);
    return event;
  }

  /** Drops the text of an event; its number stays. For what comes without end: a log a minute of 20,000 screens is 0.5 GB an hour. */
  forget(screen: number, event: string): void {
    const events = this.events[screen] ?? [];
    const at = events.lastIndexOf(event);
    if (at >= 0) events[at] = '';
  }

  /** Those from a number on, without the forgotten ones. */
  from(screen: number, seq: number): string[] {
    return (this.events[screen] ?? []).slice(Math.max(0, seq - 1)).filter((event) => event !== '');
  }

  /** Which numbers a screen has; undefined when it has said nothing yet. */
  rangeOf(screen: number): { series: string; first: number; last: number } | undefined {
    const last = this.events[screen]?.length ?? 0;
    return last === 0 ? undefined : { series: this.series, first: 1, last };
  }
}

/**
 * Lets callers who ask for the same thing at the same time share one read. Who comes while a read runs gets the next one, which has
 * not begun yet: nobody is answered from before they asked, so everybody sees what they wrote.
 */
export class SharedReads<Value> {
  private readonly running = new Map<string, Promise<unknown>>();
  private readonly ahead = new Map<string, Promise<Value>>();

  /** The value of a read that begins after this call. Rejects as that read does, for all who share it. */
  read(key: string, begin: () => Promise<Value>): Promise<Value> {
    const waiting = this.ahead.get(key);
    if (waiting !== undefined) return waiting;
    const before = this.running.get(key) ?? Promise.resolve();
    const value = before.then(() => this.run(key, begin));
    this.ahead.set(key, value);
    return value;
  }

  private run(key: string, begin: () => Promise<Value>): Promise<Value> {
    this.ahead.delete(key);
    const value = begin();
    const ended = value.then(
      () => undefined,
      () => undefined,
    );
    const running = ended.then(() => {
      if (this.running.get(key) === running) this.running.delete(key);
    });
    this.running.set(key, running);
    return value;
  }
}

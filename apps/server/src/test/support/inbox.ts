/** What a test waits for: values put in by one side, taken by the other. */
export class Inbox<Value> {
  readonly all: Value[] = [];
  private readonly waiting: { matches: (value: Value) => boolean; resolve: (value: Value) => void }[] = [];

  put(value: Value): void {
    this.all.push(value);
    for (const each of this.waiting.filter(({ matches }) => matches(value))) {
      this.waiting.splice(this.waiting.indexOf(each), 1);
      each.resolve(value);
    }
  }

  /** The first value, past or to come, that matches. */
  first(matches: (value: Value) => boolean = () => true): Promise<Value> {
    const there = this.all.find(matches);
    return there === undefined ? this.next(matches) : Promise.resolve(there);
  }

  /** The first value from now on that matches. */
  next(matches: (value: Value) => boolean = () => true): Promise<Value> {
    return new Promise((resolve) => this.waiting.push({ matches, resolve }));
  }

  /** Resolves once `count` values came. */
  async count(count: number): Promise<Value[]> {
    while (this.all.length < count) await this.next();
    return this.all;
  }
}

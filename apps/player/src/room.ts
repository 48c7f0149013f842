/** Left free for what must always be kept: events, revokes. */
const RESERVE = 0.02;
const MB = 1024 * 1024;

export interface Used {
  usedBytes: number;
  quotaBytes: number;
}

/** The storage has no room for what was to be kept; the message is for the operator. */
export class FullError extends Error {
  override readonly name = 'FullError';
  constructor(detail = '') {
    super(`the storage of this screen is full${detail}`);
  }
}

/**
 * How much room the screen has: what the browser grants, or less where the page was given a bound. Chromium tells pages of a quota that it
 * may not have (what is used and 10 GiB, whatever the disk holds), so what fits here may still be refused when it is stored.
 */
export class Room {
  /** Whether the browser has promised not to clear the storage when the disk runs short; undefined until it was asked. */
  persistent: boolean | undefined;
  /** As it was looked at last; undefined where neither the browser nor a bound tells. */
  used: Used | undefined;

  constructor(
    /** Undefined where the page has none: plain HTTP by name. */
    private readonly browser: Pick<StorageManager, 'estimate' | 'persist' | 'persisted'> | undefined,
    private readonly mediaBytes: () => Promise<number>,
    private readonly maxBytes: number | undefined,
  ) {
    if (browser === undefined) this.persistent = false;
  }

  /** Asks the browser not to clear the storage. Resolves with its answer, which may never come. */
  async ask(): Promise<void> {
    this.persistent = (await this.browser?.persisted()) ?? false;
    // It may ask a person and wait for the answer.
    if (!this.persistent && this.browser !== undefined) this.persistent = await this.browser.persist();
  }

  async look(): Promise<Used | undefined> {
    const { usage, quota } = (await this.browser?.estimate().catch(() => undefined)) ?? {};
    const quotaBytes = Math.min(quota ?? Number.POSITIVE_INFINITY, this.maxBytes ?? Number.POSITIVE_INFINITY);
    this.used = Number.isFinite(quotaBytes) ? { usedBytes: usage ?? (await this.mediaBytes()), quotaBytes } : undefined;
    return this.used;
  }

  /** Rejects with a FullError when so many bytes more do not fit; where nothing is known the storage itself will say so. */
  async mustHold(bytes: number): Promise<void> {
    const used = await this.look();
    if (used === undefined) return;
    const free = Math.max(0, Math.floor(used.quotaBytes * (1 - RESERVE)) - used.usedBytes);
    if (bytes > free) throw new FullError(`: ${megabytes(bytes)} more needed, ${megabytes(free)} free of ${megabytes(used.quotaBytes)}`);
  }
}

export function megabytes(bytes: number): string {
  return `${bytes < 10 * MB ? (bytes / MB).toFixed(1) : Math.round(bytes / MB)} MB`;
}

/** True of what a full storage throws: ours, and the browser's. */
export function isFull(error: unknown): boolean {
  return error instanceof FullError || (error instanceof Error && error.name === 'QuotaExceededError');
}

/** A newer player that waits for a quiet moment gets its turn after this long in any case. */
const PATIENCE_MS = 24 * 3_600_000;
/** Nothing has been played for this long: what has just ended is written down by then. */
const QUIET_MS = 5_000;
/** A reload that was asked for waits this long for a newer player to be fetched. */
const UPDATE_LIMIT_MS = 10_000;
/** Without a copy of the page a reload waits until the server can be reached, and asks this often. */
const ASK_AGAIN_MS = 5_000;

/** The page's own files, kept by its service worker for when the server is gone; and the way to a newer build of them. */
export class KeptPage {
  /** True once the files are kept, false when they cannot be; undefined until it is known. */
  kept: boolean | undefined;
  /** When a newer player had been fetched; it is the next load's. */
  #newerSince: number | undefined;
  #quietSince: number | undefined;
  #registration: ServiceWorkerRegistration | undefined;

  constructor(
    /** Undefined where the page has none: plain HTTP by name. */
    private readonly container: ServiceWorkerContainer | undefined,
    private readonly page: Pick<Location, 'reload' | 'href'>,
    private readonly changed: () => void,
  ) {
    if (container === undefined) this.kept = false;
  }

  /** Has the files kept. Never rejects: without it the page plays all the same, and says what it lacks. */
  async begin(url: string): Promise<void> {
    const { container } = this;
    if (container === undefined) return;
    let controlled = container.controller !== null;
    container.addEventListener('controllerchange', () => {
      // The first one takes over a page that came from the server just now.
      if (controlled) this.#newerSince ??= performance.now();
      controlled = true;
      this.#set(true);
    });
    try {
      this.#registration = await container.register(url, { updateViaCache: 'none' });
      if (this.#registration.active !== null) this.#set(true);
      else await settled(this.#registration.installing);
      this.#set(this.#registration.active !== null || this.#registration.waiting !== null);
    } catch (error) {
      console.warn('the page cannot be kept:', error);
      this.#set(false);
    }
  }

  /** Looks whether there is a newer player; never rejects. */
  async update(): Promise<void> {
    try {
      await this.#registration?.update();
      await settled(this.#registration?.installing ?? null);
    } catch {
      // No network, or not all of its files yet.
    }
  }

  /** Loads the newer player, if there is one, when it has been `quiet` for a while or it has waited for a day. Call it every second. */
  renew(quiet: boolean): void {
    const now = performance.now();
    if (!quiet) this.#quietSince = undefined;
    else this.#quietSince ??= now;
    if (this.#newerSince === undefined) return;
    if (now - (this.#quietSince ?? now) >= QUIET_MS || now - this.#newerSince >= PATIENCE_MS) this.page.reload();
  }

  /** Loads the page anew, the newest there is; where no copy is kept only once the server can be reached, for it would be gone else. */
  async reload(): Promise<void> {
    await Promise.race([this.update(), pause(UPDATE_LIMIT_MS)]);
    while (this.kept !== true && !(await this.#reachable())) await pause(ASK_AGAIN_MS);
    this.page.reload();
  }

  async #reachable(): Promise<boolean> {
    try {
      return (await fetch(this.page.href, { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(ASK_AGAIN_MS) })).ok;
    } catch {
      return false;
    }
  }

  #set(kept: boolean): void {
    if (this.kept === kept) return;
    this.kept = kept;
    this.changed();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves when a worker that is being installed is in charge or has failed. */
function settled(worker: ServiceWorker | null): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (worker === null || worker.state === 'activated' || worker.state === 'redundant') resolve();
    };
    worker?.addEventListener('statechange', look);
    look();
  });
}

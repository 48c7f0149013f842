import type { Play } from '@marquee/contracts/player';
import type { Clock } from './clock.js';
import type { Outbox } from './outbox.js';
import type { Act } from './stage-frame.js';
import type { Store } from './store.js';

/** How far a showing came is noted this often: so much of it a power cut may take. */
const NOTE_MS = 5_000;
/** Shorter is no showing: nobody saw it. It also bounds what a template can have written down to ten showings a second. */
const MIN_PLAY_MS = 100;
/** A showing without an end in sight is written down in pieces of this length, so that it is told of while it lasts. */
const MAX_PLAY_MS = 3_600_000;
/** Plays go to the server once in so long, */
const SEND_MS = 60_000;
/** for the first time so much later at most, so that screens that were switched on together do not all speak at once. */
const SEND_SPREAD_MS = 30_000;
/** The server takes messages of up to 256 KB. */
const MAX_MESSAGE_BYTES = 180_000;
/** Read from the store at once; more do not fit into one message. */
const MAX_PER_MESSAGE = 2_000;
/** Seven days of a showing every three seconds. The oldest go beyond this. */
const MAX_WAITING = 200_000;

type PlayStore = Pick<Store, 'addPlay' | 'notePlay' | 'recoverPlay' | 'plays' | 'trimPlays'>;

interface Running {
  act: Act;
  play: Play;
  /** By the clock that nobody sets. */
  since: number;
  /** False until the template said what it shows. */
  told: boolean;
}

/**
 * Proof of play: writes down each showing when it ends, in the store; hands what is written down to the outbox once a
 * minute while there is a connection, and keeps it while there is none. What a reload or a power cut ends is written down by the
 * next life of the page, as long as it was last known to be shown.
 */
export class PlayLog {
  #running: Running | undefined;
  #sending = false;
  #timers: ReturnType<typeof setTimeout>[] = [];

  constructor(
    private readonly store: PlayStore,
    private readonly outbox: Pick<Outbox, 'connected' | 'recordPlays'>,
    private readonly clock: Clock,
    private readonly monotonic: () => number = () => performance.now(),
  ) {}

  /** Writes down the showing that an earlier life of the page could not end. Call once, before anything is shown. */
  async begin(): Promise<void> {
    await this.store.recoverPlay().catch((error: unknown) => console.error('plays: the last showing is lost', error));
    this.#timers.push(setInterval(() => this.#note(), NOTE_MS));
    const first = setTimeout(
      () => {
        void this.send();
        this.#timers.push(setInterval(() => void this.send(), SEND_MS));
      },
      SEND_MS + Math.random() * SEND_SPREAD_MS,
    );
    this.#timers.push(first);
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** An act came into the display. */
  appeared(act: Act): void {
    this.end();
    this.#start(act, '', false);
  }

  /** The act in the display shows this asset from now on. */
  slide(act: Act, assetId: string): void {
    const running = this.#running;
    if (running?.act.key !== act.key) return;
    // The first slide is what was there since it appeared; what follows too soon takes the place of what nobody saw.
    if (!running.told || this.#lasted(running) < MIN_PLAY_MS) {
      running.told = true;
      running.play.assetId = assetId;
      return;
    }
    this.end();
    this.#start(act, assetId, true);
  }

  /** What was shown is shown no longer; also called when the page goes away. */
  end(): void {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined || this.#lasted(running) < MIN_PLAY_MS) return;
    this.store
      .addPlay({ ...running.play, durationMs: this.#lasted(running) })
      .catch((error: unknown) => console.error('plays: not written down', error));
  }

  /** Hands what is written down to the outbox, as few messages as hold it; nothing while there is no connection. */
  async send(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      await this.store.trimPlays(MAX_WAITING);
      while (this.outbox.connected) {
        const { keys, plays } = await this.store.plays(MAX_PER_MESSAGE);
        const count = fitting(plays, MAX_MESSAGE_BYTES);
        if (count === 0) return;
        await this.outbox.recordPlays(plays.slice(0, count), keys.slice(0, count));
        if (count === plays.length && count < MAX_PER_MESSAGE) return;
      }
    } catch (error) {
      // They stay where they are until the next time.
      console.error('plays: not handed over', error);
    } finally {
      this.#sending = false;
    }
  }

  #start(act: Act, assetId: string, told: boolean): void {
    const { campaignId, version } = act;
    const play = { campaignId, version, assetId, startedAt: Math.round(this.clock.now()), durationMs: 0 };
    this.#running = { act, play, since: this.monotonic(), told };
  }

  #lasted({ since }: Running): number {
    return Math.round(this.monotonic() - since);
  }

  #note(): void {
    const running = this.#running;
    if (running === undefined) return;
    const durationMs = this.#lasted(running);
    if (durationMs >= MAX_PLAY_MS) {
      this.end();
      this.#start(running.act, running.play.assetId, running.told);
      return;
    }
    this.store.notePlay({ ...running.play, durationMs }).catch((error: unknown) => console.warn('plays: not noted', error));
  }
}

/** How many of the plays, from the first on, fit into so many bytes; at least one. */
function fitting(plays: Play[], maxBytes: number): number {
  const encoder = new TextEncoder();
  let bytes = 0;
  const over = plays.findIndex((play) => {
    bytes += encoder.encode(JSON.stringify(play)).length + 1;
    return bytes > maxBytes;
  });
  return over === -1 ? plays.length : Math.max(1, over);
}

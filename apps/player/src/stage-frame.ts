import { STAGE_CHANNEL, STAGE_FRAME_NAME, type StageReply } from '@marquee/contracts/player';
import type { QrPicture } from './qr.js';

/** What the stage can show: one stored template with its assets. */
export interface Act {
  /** Another key is another act. */
  key: string;
  campaignId: string;
  version: number;
  /** The assets that its template may say that it shows. */
  assetIds: ReadonlySet<string>;
  /** The template, or undefined when the store no longer has it. */
  html(): Promise<string | undefined>;
  asset(assetId: string): Promise<Blob | undefined>;
  /** The QR code of a slide on this screen; undefined where it has none. */
  qr(assetId: string): QrPicture | undefined;
}

export interface FrameTaps {
  /** A slide of this act is shown from now on; one of its own assets. */
  slide(frame: StageFrame, assetId: string): void;
  /** It broke the rules and is not listened to any more; a sentence on what it did. */
  misbehaved(frame: StageFrame, reason: string): void;
}

/** A template that never says that it is ready is shown this long after it was loaded, */
const SETTLE_MS = 200;
/** and in any case after this: a broken template must not keep the stage dark. */
const READY_LIMIT_MS = 2_500;
/** Questions of one frame that are being answered at once; a template that asks for more is not answered. */
const MAX_OPEN_QUESTIONS = 256;
/** A template says a few words a slide. One that says more than this at once, and then more than so many a second, is put off the stage. */
const MAX_WORDS = 1_000;
const WORDS_PER_SECOND = 50;
/** A page may ask for the keyboard by mistake, and gives it back at once; one that asks more often than this means it. */
const MAX_GRABS = 20;
/** The server takes no larger picture. */
const MAX_PICTURE_BYTES = 4 * 1024 * 1024;

/**
 * Ahead of all that the template holds: no page made from the template, at whatever depth, opens a WebSocket, so none speaks to the broker. What it
 * fetches goes without this page's origin.
 */
const GUARD = '<meta http-equiv="Content-Security-Policy" content="connect-src http: https: data: blob:">';

/**
 * The page with the guard in its head. After the doctype, without which it would be laid out as those of 1998; but only what a parser takes to be nothing
 * or a comment may stand before that. Other white space than HTML's begins the body, in which the guard would count for nothing, and a
 * comment that ends sooner than it seems to (`<!-->`, `--!>`) would hide a script before it: then the guard comes first of all.
 */
export function guarded(html: string): string {
  return html.replace(/^(?:[\t\n\f\r ]|<!--(?!-?>)(?:(?!--!?>)[^])*-->)*(?:<!doctype[^>]*>)?/i, (start) => start + GUARD);
}

/**
 * One template in a frame of an opaque origin: it cannot reach this page, its storage or its link, nor open windows, dialogs or the
 * whole screen. It is known by its window, asks for its assets by message and is handed Blobs.
 */
export class StageFrame {
  readonly element: HTMLIFrameElement;
  /** Resolves when it may be shown. */
  readonly ready: Promise<void>;
  /** The slide that it showed last, by its own word. */
  slide: string | undefined;
  #settled: () => void = () => undefined;
  #asked = false;
  #loads = 0;
  /** How often it is loaded by us: once, and once more where an engine loads a frame anew that is moved. */
  #loadsMeant = 1;
  #playing = false;
  #silenced = false;
  #openQuestions = 0;
  #grabs = 0;
  #words = MAX_WORDS;
  #wordsAt = performance.now();
  #picture: ((blob: Blob | undefined) => void) | undefined;

  constructor(
    readonly act: Act,
    html: string,
    private readonly page: Window,
    private readonly taps: FrameTaps,
  ) {
    // oxlint-disable-next-line react/iframe-missing-sandbox -- the rule reads React's properties; it is set on the next line.
    this.element = page.document.createElement('iframe');
    this.element.setAttribute('sandbox', 'allow-scripts');
    this.element.setAttribute('allow', 'autoplay');
    this.element.setAttribute('referrerpolicy', 'no-referrer');
    // No click or touch goes into it, and none gives it the keyboard.
    this.element.inert = true;
    this.element.name = STAGE_FRAME_NAME;
    this.element.title = 'campaign';
    this.ready = new Promise((resolve) => {
      const limit = page.setTimeout(resolve, READY_LIMIT_MS);
      this.#settled = () => {
        page.clearTimeout(limit);
        resolve();
      };
    });
    this.element.addEventListener('load', () => this.#loaded());
    this.element.srcdoc = guarded(html);
  }

  /** Puts it into the page, or elsewhere in it. `moveBefore` keeps its page alive, without it (engines before 2025) the page loads again. */
  moveInto(parent: HTMLElement): void {
    if (this.element.isConnected && 'moveBefore' in parent && typeof parent.moveBefore === 'function') {
      parent.moveBefore(this.element, null);
      return;
    }
    if (this.element.isConnected) this.#loadsMeant += 1;
    parent.append(this.element);
  }

  /** It is in the display: its slides may begin. */
  play(): void {
    this.#playing = true;
    this.#say({ channel: STAGE_CHANNEL, type: 'play' });
  }

  remove(): void {
    this.#silenced = true;
    this.#picture?.(undefined);
    this.element.remove();
  }

  /** A picture of what it shows, or undefined when it gives none within `limitMs`. */
  picture(limitMs: number): Promise<Blob | undefined> {
    this.#picture?.(undefined);
    return new Promise((resolve) => {
      const timer = this.page.setTimeout(() => resolve(undefined), limitMs);
      this.#picture = (blob) => {
        this.page.clearTimeout(timer);
        this.#picture = undefined;
        resolve(blob);
      };
      this.#say({ channel: STAGE_CHANNEL, type: 'picture' });
    });
  }

  /** A message from its window; from that of no other, and from none inside it. */
  hear(message: unknown): void {
    if (this.#silenced) return;
    if (!this.#mayBeHeard()) {
      this.#misbehave('its template floods this screen with messages');
      return;
    }
    if (typeof message !== 'object' || message === null) return;
    const { channel, type, assetId, blob } = message as Record<string, unknown>;
    if (channel !== STAGE_CHANNEL) return;
    this.#asked = true;
    if (type === 'ready') this.#isReady();
    else if (type === 'asset' && typeof assetId === 'string') void this.#answer(assetId);
    else if (type === 'qr' && typeof assetId === 'string') this.#draw(assetId);
    else if (type === 'slide' && typeof assetId === 'string' && this.act.assetIds.has(assetId)) {
      this.slide = assetId;
      this.taps.slide(this, assetId);
    } else if (type === 'picture') this.#picture?.(isPicture(blob) ? blob : undefined);
  }

  /** It has the keyboard, which is this page's: gives it back. */
  ungrab(): void {
    this.element.blur();
    this.page.focus();
    this.#grabs += 1;
    if (this.#grabs > MAX_GRABS) this.#misbehave('its template takes the keyboard of this screen');
  }

  #mayBeHeard(): boolean {
    const now = performance.now();
    this.#words = Math.min(MAX_WORDS, this.#words + ((now - this.#wordsAt) * WORDS_PER_SECOND) / 1_000) - 1;
    this.#wordsAt = now;
    return this.#words >= 0;
  }

  #isReady(): void {
    this.#settled();
    // Where the move into the display loaded it anew, it has not heard the first one.
    if (this.#playing) this.play();
  }

  #loaded(): void {
    this.#loads += 1;
    if (this.#loads > this.#loadsMeant) {
      this.#misbehave('its template left for another page');
      return;
    }
    this.page.setTimeout(() => {
      if (!this.#asked) this.#settled();
    }, SETTLE_MS);
  }

  #misbehave(reason: string): void {
    if (this.#silenced) return;
    this.#silenced = true;
    this.#settled();
    this.taps.misbehaved(this, reason);
  }

  async #answer(assetId: string): Promise<void> {
    if (this.#openQuestions >= MAX_OPEN_QUESTIONS) return;
    this.#openQuestions += 1;
    const blob = await this.act.asset(assetId).catch(() => undefined);
    this.#openQuestions -= 1;
    if (!this.#silenced) this.#say({ channel: STAGE_CHANNEL, type: 'asset', assetId, blob: blob ?? null });
  }

  #draw(assetId: string): void {
    const picture = this.act.qr(assetId);
    if (picture !== undefined) this.#say({ channel: STAGE_CHANNEL, type: 'qr', assetId, ...picture });
  }

  #say(reply: StageReply): void {
    // An opaque origin has no name to address; the window is the address.
    this.element.contentWindow?.postMessage(reply, '*');
  }
}

function isPicture(blob: unknown): blob is Blob {
  return blob instanceof Blob && blob.size > 0 && blob.size <= MAX_PICTURE_BYTES && /^image\/(?:jpeg|png)$/.test(blob.type);
}

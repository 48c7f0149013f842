import { STAGE_CHANNEL, type StageReply } from '@marquee/contracts/player';

/** What the stage can show: one stored template with its assets. */
export interface Act {
  /** Another key is another act. */
  key: string;
  /** The template, or undefined when the store no longer has it. */
  html(): Promise<string | undefined>;
  asset(assetId: string): Promise<Blob | undefined>;
}

export type Shown = 'shown' | 'superseded' | 'gone';

/** A template that never says that it is ready is shown this long after it was loaded, */
const SETTLE_MS = 200;
/** and in any case after this: a broken template must not keep the stage dark. */
const READY_LIMIT_MS = 2_500;
/** The old frame stands behind the new one for this long, until the new one is surely painted. */
const LINGER_MS = 150;
/** Questions of one frame that are being answered at once; a template that asks for more is not listened to. */
const MAX_OPEN_QUESTIONS = 256;

interface Prepared {
  act: Act;
  frame: HTMLIFrameElement;
  /** Resolves when it may be shown. */
  ready: Promise<void>;
  onMessage(type: unknown): void;
  openQuestions: number;
}

/** Moves a frame; `moveBefore` keeps its page alive, without it (engines before 2025) the page loads again. */
function move(frame: HTMLIFrameElement, into: HTMLElement): void {
  if ('moveBefore' in into && typeof into.moveBefore === 'function') into.moveBefore(frame, null);
  else into.append(frame);
}

/**
 * Shows one act at a time: exactly one frame in `display` while there is one, none otherwise. The next is prepared in
 * `wings`, which lie behind the display at full size so that its page is laid out and painted, and takes its place
 * when it is ready, so that nothing flashes. Frames have an opaque origin: they cannot reach this page, its storage or its
 * link; they ask for their assets by message, are known by their window, and are handed Blobs.
 */
export class Stage {
  #front: Prepared | undefined;
  #next: Prepared | undefined;
  /** The key that was asked for last; an older wish is superseded. */
  #wish: string | undefined;
  #lingering: Promise<void> = Promise.resolve();

  constructor(
    private readonly display: HTMLElement,
    private readonly wings: HTMLElement,
    private readonly page: Window,
  ) {
    page.addEventListener('message', (event) => this.#hear(event));
  }

  /** The key of what is in the display. */
  get showing(): string | undefined {
    return this.#front?.act.key;
  }

  /** Loads an act behind the one that is shown, so that it can take over at once; undefined when its template is gone. */
  async prepare(act: Act): Promise<Prepared | undefined> {
    if (this.#next?.act.key === act.key) return this.#next;
    const html = await act.html();
    // Another change may have begun while one was waited for.
    for (let seen: Promise<void> | undefined; seen !== this.#lingering; ) {
      seen = this.#lingering;
      await seen;
    }
    if (html === undefined) return undefined;
    // It may have been prepared while the template was read; and what is about to be shown is not pushed aside.
    if (this.#next?.act.key === act.key || (this.#pending() && this.#wish !== act.key)) return this.#next;
    this.#next?.frame.remove();
    this.#next = this.#load(act, html);
    return this.#next;
  }

  /** Puts an act into the display as soon as it is ready; what was there stays until then. */
  async show(act: Act): Promise<Shown> {
    this.#wish = act.key;
    if (this.#front?.act.key === act.key) return 'shown';
    const prepared = await this.prepare(act);
    if (prepared === undefined) return this.#wish === act.key ? 'gone' : 'superseded';
    await prepared.ready;
    if (this.#wish !== act.key || this.#next !== prepared) return this.showing === act.key ? 'shown' : 'superseded';
    const old = this.#front?.frame;
    if (old !== undefined) move(old, this.wings);
    move(prepared.frame, this.display);
    this.#front = prepared;
    this.#next = undefined;
    if (old !== undefined) this.#linger(old);
    return 'shown';
  }

  /** Empties the display at once. What is being prepared stays. */
  clear(): void {
    this.#wish = undefined;
    this.#front?.frame.remove();
    this.#front = undefined;
  }

  /** Gives up what was prepared, unless it is `keep` or about to be shown. */
  dismiss(keep: string | undefined): void {
    if (this.#next === undefined || this.#next.act.key === keep || this.#next.act.key === this.#wish) return;
    this.#next.frame.remove();
    this.#next = undefined;
  }

  /** One frame lingers at most, and none is prepared meanwhile: there are never more than two. */
  #linger(old: HTMLIFrameElement): void {
    this.#lingering = new Promise((resolve) => {
      this.page.setTimeout(() => {
        old.remove();
        resolve();
      }, LINGER_MS);
    });
  }

  /** True while an act was asked for and is not in the display yet. */
  #pending(): boolean {
    return this.#wish !== undefined && this.#wish !== this.showing;
  }

  #load(act: Act, html: string): Prepared {
    // oxlint-disable-next-line react/iframe-missing-sandbox -- the rule reads React's properties; it is set on the next line.
    const frame = this.page.document.createElement('iframe');
    frame.setAttribute('sandbox', 'allow-scripts');
    frame.setAttribute('allow', 'autoplay');
    frame.title = 'campaign';
    let onMessage: Prepared['onMessage'] = () => undefined;
    const ready = new Promise<void>((resolve) => {
      let asked = false;
      const limit = this.page.setTimeout(resolve, READY_LIMIT_MS);
      frame.addEventListener('load', () => {
        this.page.setTimeout(() => {
          if (!asked) resolve();
        }, SETTLE_MS);
      });
      onMessage = (type) => {
        asked = true;
        if (type !== 'ready') return;
        this.page.clearTimeout(limit);
        resolve();
      };
    });
    frame.srcdoc = html;
    this.wings.append(frame);
    return { act, frame, ready, onMessage, openQuestions: 0 };
  }

  #hear(event: MessageEvent<unknown>): void {
    const from = [this.#front, this.#next].find((one) => one !== undefined && one.frame.contentWindow === event.source);
    const message = event.data;
    if (from === undefined || typeof message !== 'object' || message === null) return;
    const fields = message as Record<string, unknown>;
    if (fields['channel'] !== STAGE_CHANNEL) return;
    from.onMessage(fields['type']);
    if (fields['type'] === 'asset' && typeof fields['assetId'] === 'string') void this.#answer(from, fields['assetId']);
  }

  async #answer(to: Prepared, assetId: string): Promise<void> {
    if (to.openQuestions >= MAX_OPEN_QUESTIONS) return;
    to.openQuestions += 1;
    const blob = await to.act.asset(assetId).catch(() => undefined);
    to.openQuestions -= 1;
    const reply: StageReply = { channel: STAGE_CHANNEL, type: 'asset', assetId, blob: blob ?? null };
    // An opaque origin has no name to address; the window is the address.
    to.frame.contentWindow?.postMessage(reply, '*');
  }
}

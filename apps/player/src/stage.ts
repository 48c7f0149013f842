import { type Act, StageFrame } from './stage-frame.js';

export type Shown = 'shown' | 'superseded' | 'gone';

/** Who follows what is in the display. */
export interface StageTaps {
  appeared(act: Act): void;
  /** The act in the display shows this asset of its own from now on. */
  slide(act: Act, assetId: string): void;
  left(act: Act): void;
  /** An act broke the rules and was taken off the stage; a sentence on what it did. */
  misbehaved(act: Act, reason: string): void;
}

/** What was shown stands behind the new frame for this long, until the new one is surely painted. */
export const LINGER_MS = 150;
const PICTURE_LIMIT_MS = 3_000;

/**
 * Shows one act at a time: exactly one frame in `display` while there is one, none otherwise. The next is prepared in
 * `wings`, which lie behind the display at full size so that its page is laid out and painted, and takes its place
 * when it is ready, so that nothing flashes; only then is it told to play.
 */
export class Stage {
  #front: StageFrame | undefined;
  #next: StageFrame | undefined;
  /** The key that was asked for last; an older wish is superseded. */
  #wish: string | undefined;
  #lingering: Promise<void> = Promise.resolve();

  constructor(
    private readonly display: HTMLElement,
    private readonly wings: HTMLElement,
    private readonly page: Window,
    private readonly taps: StageTaps,
  ) {
    page.addEventListener('message', ({ source, data }: MessageEvent<unknown>) => {
      // A window that is gone has no sender: null is nobody's.
      if (source === null) return;
      [this.#front, this.#next].find((frame) => frame?.element.contentWindow === source)?.hear(data);
    });
    // A script may take the keyboard for its frame, whatever the frame's sandbox.
    page.addEventListener('blur', () => {
      page.setTimeout(() => {
        const grabber = [this.#front, this.#next].find((frame) => frame?.element === page.document.activeElement);
        grabber?.ungrab();
      });
    });
  }

  /** The key of what is in the display. */
  get showing(): string | undefined {
    return this.#front?.act.key;
  }

  /** Loads an act behind the one that is shown, so that it can take over at once; undefined when its template is gone. */
  async prepare(act: Act): Promise<StageFrame | undefined> {
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
    this.#next?.remove();
    this.#next = new StageFrame(act, html, this.page, {
      slide: (frame, assetId) => {
        if (frame === this.#front) this.taps.slide(act, assetId);
      },
      misbehaved: (frame, reason) => {
        this.#putOff(frame);
        this.taps.misbehaved(act, reason);
      },
    });
    this.#next.moveInto(this.wings);
    return this.#next;
  }

  /** Puts an act into the display as soon as it is ready; what was there stays until then. */
  async show(act: Act): Promise<Shown> {
    this.#wish = act.key;
    if (this.#front?.act.key === act.key) return 'shown';
    const prepared = await this.prepare(act);
    if (prepared === undefined) {
      if (this.#wish !== act.key) return 'superseded';
      this.#wish = undefined;
      return 'gone';
    }
    await prepared.ready;
    if (this.#wish !== act.key || this.#next !== prepared) return this.showing === act.key ? 'shown' : 'superseded';
    const old = this.#front;
    old?.moveInto(this.wings);
    prepared.moveInto(this.display);
    this.#front = prepared;
    this.#next = undefined;
    if (old !== undefined) {
      this.taps.left(old.act);
      this.#linger(old);
    }
    this.taps.appeared(prepared.act);
    // One that does not wait to be told has begun already.
    if (prepared.slide !== undefined) this.taps.slide(prepared.act, prepared.slide);
    prepared.play();
    return 'shown';
  }

  /** Empties the display at once. What is being prepared stays. */
  clear(): void {
    this.#wish = undefined;
    if (this.#front !== undefined) this.#putOff(this.#front);
  }

  /** Gives up what was prepared, unless it is `keep` or about to be shown. */
  dismiss(keep: string | undefined): void {
    if (this.#next === undefined || this.#next.act.key === keep || this.#next.act.key === this.#wish) return;
    this.#putOff(this.#next);
  }

  /** A picture of what is in the display: JPEG or PNG, by its template; undefined when it gives none. `nothing` when nothing plays. */
  async picture(): Promise<Blob | 'nothing' | undefined> {
    return this.#front === undefined ? 'nothing' : this.#front.picture(PICTURE_LIMIT_MS);
  }

  #putOff(frame: StageFrame): void {
    frame.remove();
    if (frame.act.key === this.#wish) this.#wish = undefined;
    if (frame === this.#next) this.#next = undefined;
    if (frame !== this.#front) return;
    this.#front = undefined;
    this.taps.left(frame.act);
  }

  /** One frame lingers at most, and none is prepared meanwhile: there are never more than two. */
  #linger(old: StageFrame): void {
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
}

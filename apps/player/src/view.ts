import type { Facts } from './facts.js';
import { LINGER_MS } from './stage.js';

const IDENTIFY_MS = 15_000;

function element<K extends keyof HTMLElementTagNameMap>(tag: K, className: string, ...inside: (Node | string)[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...inside);
  return made;
}

/** The element of the page with this id; the page is ours, so it is there. */
export function byId(page: Document, id: string): HTMLElement {
  const found = page.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

function linkSentence({ link, brokerUrl }: Facts): string {
  if (link === 'connected') return 'Connected';
  if (link === 'reconnecting') return `No connection to ${brokerUrl}, trying again`;
  return `Connecting to ${brokerUrl}`;
}

function waitingSentence({ installing, nextStart }: Facts): string {
  if (installing > 0) return installing === 1 ? 'Installing a campaign' : `Installing ${installing} campaigns`;
  if (nextStart !== undefined)
    return `Next campaign at ${new Date(nextStart).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' })}`;
  return 'Waiting for a campaign';
}

function clockSentence({ clockOffsetMs }: Facts): string {
  // Less than this is the network's doing, and no eye sees it.
  if (Math.abs(clockOffsetMs) < 100) return 'in step with the server';
  return `${(Math.abs(clockOffsetMs) / 1_000).toFixed(1)} s ${clockOffsetMs > 0 ? 'behind' : 'ahead of'} the server, corrected`;
}

/** The idle picture, the overlay and the big name: everything on the page but the stage. Text everywhere, never markup. */
export class View {
  readonly #idle: HTMLElement;
  readonly #overlay: HTMLElement;
  readonly #identify: HTMLElement;
  readonly #name = element('h1', 'idle-name');
  readonly #waiting = element('p', 'idle-waiting');
  readonly #dot = element('span', 'dot');
  readonly #link = element('span', '');
  readonly #note = element('p', 'idle-note');
  #facts: Facts | undefined;
  #identifying: ReturnType<typeof setTimeout> | undefined;
  #leaving: ReturnType<typeof setTimeout> | undefined;

  constructor(page: Document) {
    this.#idle = byId(page, 'idle');
    this.#overlay = byId(page, 'overlay');
    this.#identify = byId(page, 'identify');
    const bulbs = element('div', 'bulbs', ...Array.from({ length: 9 }, () => element('i', '')));
    this.#idle.append(
      element('div', 'idle-card', bulbs, this.#name, this.#waiting, element('p', 'idle-link', this.#dot, this.#link), this.#note),
    );
    page.addEventListener('keydown', (event) => {
      if (event.key === 'i' && !event.ctrlKey && !event.metaKey && !event.altKey) this.toggleOverlay();
    });
  }

  show(facts: Facts): void {
    this.#facts = facts;
    this.#makeWay(facts);
    this.#name.textContent = facts.deviceId;
    this.#waiting.textContent = waitingSentence(facts);
    this.#link.textContent = linkSentence(facts);
    this.#dot.dataset['link'] = facts.link;
    const hint = facts.ownName ? ['Named by itself: open this page with ?deviceId=… to name it.'] : [];
    this.#note.textContent = [...hint, ...facts.notes].join(' ');
    if (!this.#overlay.hidden) this.#fillOverlay(facts);
  }

  /** The idle picture stands until the first campaign is painted over it; between two campaigns it does not come back. */
  #makeWay({ playing, staged }: Facts): void {
    if (!playing) {
      clearTimeout(this.#leaving);
      this.#idle.hidden = false;
      this.#idle.classList.remove('leaving');
    } else if (staged && !this.#idle.hidden && !this.#idle.classList.contains('leaving')) {
      this.#idle.classList.add('leaving');
      this.#leaving = setTimeout(() => {
        this.#idle.hidden = true;
        this.#idle.classList.remove('leaving');
      }, LINGER_MS);
    }
  }

  /** What the idle picture says below the screen's name. */
  get idleLines(): string[] {
    return this.#facts === undefined ? [] : [waitingSentence(this.#facts), linkSentence(this.#facts)];
  }

  /** Instead of everything else: a sentence on why this page cannot be a screen. */
  fail(sentence: string): void {
    this.#idle.hidden = false;
    this.#name.textContent = 'Not a screen yet';
    this.#waiting.textContent = sentence;
  }

  toggleOverlay(): void {
    this.#overlay.hidden = !this.#overlay.hidden;
    if (this.#facts !== undefined) this.show(this.#facts);
  }

  /** Shows the screen's name large for a while, over whatever plays. */
  identify(): void {
    clearTimeout(this.#identifying);
    this.#identify.textContent = this.#facts?.deviceId ?? '';
    this.#identify.hidden = false;
    this.#identifying = setTimeout(() => {
      this.#identify.hidden = true;
    }, IDENTIFY_MS);
  }

  #fillOverlay(facts: Facts): void {
    const row = (name: string, value: string): HTMLElement => element('div', 'row', element('dt', '', name), element('dd', '', value));
    const campaigns = facts.campaigns.map(({ campaignId, version, state, missing }) =>
      element(
        'li',
        '',
        element('code', '', campaignId),
        ` v${version}, ${state}${missing > 0 ? `, ${missing} ${missing === 1 ? 'asset' : 'assets'} missing` : ''}`,
      ),
    );
    this.#overlay.replaceChildren(
      element('h2', '', facts.deviceId),
      element(
        'dl',
        '',
        row('Link', linkSentence(facts)),
        row('Broker', facts.brokerUrl),
        row('Clock', clockSentence(facts)),
        row('Events to send', String(facts.waitingEvents)),
        row('Installing', String(facts.installing)),
      ),
      element('h3', '', facts.campaigns.length === 0 ? 'Nothing installed' : 'Installed'),
      element('ul', '', ...campaigns),
      ...facts.notes.map((note) => element('p', 'overlay-note', note)),
      element('p', 'overlay-hint', 'press i to close'),
    );
  }
}

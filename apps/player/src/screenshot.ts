import type { Stage } from './stage.js';

const UPLOAD_LIMIT_MS = 20_000;
const WIDTH = 1280;

/** Words for a picture that has to be painted by hand: a browser gives a page no picture of itself. */
export interface Card {
  title: string;
  /** One line each. */
  lines: string[];
}

/** The idle picture, or the card of a campaign that gives no picture of itself, as large as the screen in shape. */
export function paintCard(page: Window, { title, lines }: Card): Promise<Blob | null> {
  const canvas = page.document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = Math.min(WIDTH * 2, Math.max(1, Math.round((WIDTH * page.innerHeight) / Math.max(1, page.innerWidth))));
  const { width, height } = canvas;
  const unit = Math.min(width, height) / 100;
  const context = canvas.getContext('2d');
  if (context === null) return Promise.resolve(null);
  const glow = context.createRadialGradient(width / 2, height * 1.18, 0, width / 2, height * 1.18, height * 1.2);
  glow.addColorStop(0, '#2a1c0a');
  glow.addColorStop(1, '#000');
  context.fillStyle = glow;
  context.fillRect(0, 0, width, height);
  context.fillStyle = '#ffb547';
  for (let bulb = -4; bulb <= 4; bulb += 1) {
    context.beginPath();
    context.arc(width / 2 + bulb * 3.4 * unit, height * 0.34, 0.7 * unit, 0, 2 * Math.PI);
    context.fill();
  }
  context.textAlign = 'center';
  context.fillStyle = '#f3efe6';
  context.font = `600 ${7 * unit}px Inter, "Segoe UI", system-ui, sans-serif`;
  context.fillText(title, width / 2, height * 0.5, width * 0.9);
  context.fillStyle = '#8d8a83';
  context.font = `${3.2 * unit}px Inter, "Segoe UI", system-ui, sans-serif`;
  for (const [index, line] of lines.entries()) context.fillText(line, width / 2, height * 0.5 + (7 + index * 5) * unit, width * 0.9);
  return new Promise((resolve) => {
    canvas.toBlob(resolve, 'image/jpeg', 0.85);
  });
}

/**
 * Where a picture goes: to the path of `uploadUrl` on the page's own server, whatever server is named in it. So what the screen shows is not
 * sent elsewhere, whoever asks for it, and a server that is known by several names gets it under the one that the screen uses. Undefined when
 * it is no http or https URL.
 */
export function ownTarget(uploadUrl: string, page: string): URL | undefined {
  if (!URL.canParse(uploadUrl, page)) return undefined;
  const { protocol, pathname, search } = new URL(uploadUrl, page);
  if (!/^https?:$/.test(protocol)) return undefined;
  const target = new URL(page);
  target.pathname = pathname;
  target.search = search;
  target.hash = '';
  return target;
}

/** Answers `screenshot`: one at a time, later ones that come meanwhile are not answered. */
export class Screenshots {
  #busy = false;

  constructor(
    private readonly stage: Pick<Stage, 'picture'>,
    private readonly page: Window,
    /** What to paint: when nothing plays, and when a campaign does that gives no picture. */
    private readonly card: (playing: boolean) => Card,
  ) {}

  async take(uploadUrl: string): Promise<void> {
    const target = ownTarget(uploadUrl, this.page.location.href);
    if (target === undefined) {
      console.warn('screenshot: not sent, its address is no address of a server');
      return;
    }
    if (this.#busy) return;
    this.#busy = true;
    try {
      const shown = await this.stage.picture();
      const picture = shown instanceof Blob ? shown : await paintCard(this.page, this.card(shown !== 'nothing'));
      if (picture === null) throw new Error('nothing could be painted');
      const answer = await fetch(target, {
        method: 'PUT',
        body: picture,
        headers: { 'content-type': picture.type },
        redirect: 'error',
        signal: AbortSignal.timeout(UPLOAD_LIMIT_MS),
      });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    } catch (error) {
      console.warn('screenshot: not sent', error);
    } finally {
      this.#busy = false;
    }
  }
}

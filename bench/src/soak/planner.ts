import { randomUUID } from 'node:crypto';
import { type CreateCampaignInput, ROUTES, type StoredAsset } from '@marquee/contracts';
import type { Page } from '@marquee/testing';
import { Api } from '../api.js';
import type { Part } from './judge.js';

const SLIDE_MS = 5_000;
/** Drawn in the page, so that a picture and a video are what a browser makes of them, and no file lies in the tree. */
const DRAWN = `
  window.drawn = (text, colour) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 });
    const pen = canvas.getContext('2d');
    const draw = (at) => {
      pen.fillStyle = colour;
      pen.fillRect(0, 0, 1280, 720);
      pen.fillStyle = 'white';
      pen.font = 'bold 120px sans-serif';
      pen.fillText(text, 100, 340);
      pen.fillRect(100, 420, 1080 * at, 40);
    };
    draw(1);
    return { canvas, draw };
  };
  window.base64 = async (blob) => btoa(Array.from(new Uint8Array(await blob.arrayBuffer()), (byte) => String.fromCharCode(byte)).join(''));
  window.picture = async (text, colour) => base64(await new Promise((done) => drawn(text, colour).canvas.toBlob(done, 'image/png')));
  window.video = async (text, colour) => {
    const { canvas, draw } = drawn(text, colour);
    const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: 'video/webm' });
    const parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const ended = new Promise((done) => { recorder.onstop = done; });
    recorder.start();
    const begun = performance.now();
    await new Promise((done) => {
      const step = () => {
        const at = (performance.now() - begun) / 3000;
        draw(Math.min(1, at));
        if (at < 1) requestAnimationFrame(step); else done();
      };
      step();
    });
    recorder.stop();
    await ended;
    return base64(new Blob(parts, { type: 'video/webm' }));
  };
`;

/** Plans the hour's campaigns as a person would: uploads and forms against the API, never over the screen's network. */
export class Planner {
  readonly parts: Part[] = [];

  private constructor(
    readonly api: Api,
    private readonly studio: Page,
  ) {}

  static async open(url: string, studio: Page): Promise<Planner> {
    await studio.evaluate(DRAWN);
    return new Planner(new Api(url), studio);
  }

  /** A campaign of a picture, a video and a page. */
  async plan(name: string, colour: string, when: { startAt: number; expireAt: number; priority?: number }): Promise<Part> {
    const picture = await this.upload(await this.drawn('picture', name, colour), 'image/png');
    const video = await this.upload(await this.drawn('video', name, colour), 'video/webm');
    const page = await this.upload(
      Buffer.from(`<!doctype html><body style="margin:0;background:${colour};color:white;font:bold 120px sans-serif"><p>${name}: a page`),
      'text/html',
    );
    const { startAt, expireAt, priority = 0 } = when;
    const body: CreateCampaignInput = {
      name,
      startAt: Math.round(startAt),
      expireAt: Math.round(expireAt),
      priority,
      assets: [
        { assetType: 'image', url: picture, durationMs: SLIDE_MS },
        { assetType: 'video', url: video, durationMs: SLIDE_MS },
        { assetType: 'html', url: page, durationMs: SLIDE_MS },
      ],
      idempotencyKey: randomUUID(),
    };
    const { id } = await this.api.create(body);
    const part: Part = { id, name, priority, startAt: body.startAt, expireAt: body.expireAt };
    this.parts.push(part);
    return part;
  }

  /** Asks for what the screen has answered meanwhile. */
  async look(): Promise<void> {
    for (const part of this.parts.filter((each) => each.revokedAt === undefined)) {
      const { counts } = await this.api.campaign(part.id);
      if (counts.acknowledged > 0) part.installedAt ??= Date.now();
      if (counts.revoked > 0) part.revokedAt = Date.now();
    }
  }

  private async drawn(what: 'picture' | 'video', name: string, colour: string): Promise<Buffer> {
    return Buffer.from(
      await this.studio.evaluate<string>(`${what}(${JSON.stringify(`${name} ${what}`)}, ${JSON.stringify(colour)})`),
      'base64',
    );
  }

  private async upload(bytes: Buffer, type: string): Promise<string> {
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(bytes)], { type }), 'slide');
    const reply = await fetch(this.api.url + ROUTES.assets, { method: 'POST', body: form });
    if (!reply.ok) throw new Error(`an upload was answered ${reply.status}: ${await reply.text()}`);
    return ((await reply.json()) as StoredAsset).url;
  }
}

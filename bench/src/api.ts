import { randomUUID } from 'node:crypto';
import {
  pathTo,
  type CampaignDetail,
  type CreateCampaignInput,
  type CreatedCampaign,
  type CreateRecipientCampaignInput,
  ROUTES,
  type StoredAsset,
} from '@marquee/contracts';
import { importScreens, screenName } from '@marquee/simulator';

const HOUR_MS = 3_600_000;
const LINES_A_REQUEST = 20_000;

/** The smallest PNG: one pixel. */
const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

/** Talks to a server as a planner's client does. Every method rejects when the answer is not the one wanted. */
export class Api {
  constructor(readonly url: string) {}

  /** Puts a fleet's screens into the registry. */
  async importFleet(prefix: string, screens: number): Promise<void> {
    for (let from = 1; from <= screens; from += LINES_A_REQUEST) {
      const count = Math.min(LINES_A_REQUEST, screens - from + 1);
      const lines = Array.from({ length: count }, (_, index) => ({ deviceId: screenName(prefix, from + index) }));
      await importScreens(this.url, lines);
    }
  }

  /** Uploads a picture of one pixel; answers its URL, which the server knows by digest. */
  async uploadPixel(): Promise<string> {
    const form = new FormData();
    form.set('file', new Blob([PIXEL], { type: 'image/png' }), 'pixel.png');
    const reply = await fetch(this.url + ROUTES.assets, { method: 'POST', body: form });
    const stored = await readJson<StoredAsset>(reply);
    return stored.url;
  }

  async create(body: CreateCampaignInput | CreateRecipientCampaignInput): Promise<CreatedCampaign> {
    const reply = await fetch(this.url + ROUTES.campaigns, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return await readJson<CreatedCampaign>(reply);
  }

  /** Any other action, by its path. */
  async post<Answer>(path: string, body?: unknown): Promise<Answer> {
    const json = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    return await readJson<Answer>(await fetch(this.url + path, { method: 'POST', ...json }));
  }

  async campaign(id: string): Promise<CampaignDetail> {
    return await readJson<CampaignDetail>(await fetch(this.url + pathTo('campaign', id)));
  }

  async cancel(id: string): Promise<{ status: string }> {
    return await readJson<{ status: string }>(await fetch(this.url + pathTo('cancel', id), { method: 'POST' }));
  }

  /** True when the server says that it is ready. */
  async isReady(): Promise<boolean> {
    const reply = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
    await reply?.body?.cancel();
    return reply?.ok === true;
  }

  /** How many campaigns there are, of one status or of any. */
  async count(status?: string): Promise<number> {
    const query = status === undefined ? '' : `&status=${status}`;
    const page = await readJson<{ total: number }>(await fetch(`${this.url}${ROUTES.campaigns}?limit=1${query}`));
    return page.total;
  }
}

/** A campaign of one slide that begins in an hour, so that nothing is shown meanwhile. */
export function campaignBody(assetUrl: string, name = 'Bench'): CreateCampaignInput {
  const now = Date.now();
  return {
    name,
    startAt: now + HOUR_MS,
    expireAt: now + 2 * HOUR_MS,
    assets: [{ assetType: 'image', url: assetUrl, durationMs: 10_000 }],
    idempotencyKey: randomUUID(),
  };
}

async function readJson<Body>(reply: Response): Promise<Body> {
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${reply.url} answered ${reply.status}: ${text.slice(0, 500)}`);
  return JSON.parse(text) as Body;
}

import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Play } from '@marquee/contracts/player';
import type { Browser, Page } from '@marquee/testing';
import { PageServer, picture, sha256, TestBroker, template, waitingTemplate } from './rig.js';

/** The player as it was built from the present sources before the tests began. */
const DIST = fileURLToPath(new URL('../../dist', import.meta.url));

interface TestCampaign {
  campaignId: string;
  version: number;
  startAt: number;
  expireAt: number;
  templateUrl: string;
  templateChecksum: string;
  [more: string]: unknown;
}

/** One player in a browser of its own profile, with the server and the broker that it talks to. */
export class ScreenRig {
  readonly device = `lobby-${randomUUID().slice(0, 8)}`;

  private constructor(
    readonly server: PageServer,
    readonly broker: TestBroker,
    /** Another one after a restart of the browser. */
    public page: Page,
  ) {}

  static async open(browser: Browser): Promise<ScreenRig> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
    return ScreenRig.around(await context.newPage());
  }

  static async around(page: Page): Promise<ScreenRig> {
    const server = new PageServer(DIST);
    const broker = new TestBroker();
    await Promise.all([server.open(), broker.open()]);
    return new ScreenRig(server, broker, page);
  }

  async close(): Promise<void> {
    await this.page.context().close();
    await Promise.all([this.server.close(), this.broker.close()]);
  }

  async open(query = `deviceId=${this.device}&brokerUrl=${encodeURIComponent(this.broker.url)}`, origin = this.server.url): Promise<void> {
    await this.page.goto(`${origin}/player/?${query}`);
  }

  /** The network is cut: nothing answers, neither server nor broker. */
  async cut(): Promise<void> {
    await Promise.all([this.server.close(), this.broker.close()]);
  }

  /** Resolves when the page's own files are kept. */
  async pageKept(): Promise<void> {
    await this.page.evaluate(async () => void (await navigator.serviceWorker.ready));
  }

  /** The picture in the display: whether it came from the store, and how wide it is, 0 when it could not be had. */
  async shownPicture(): Promise<{ from: string | undefined; width: number }> {
    const image = this.page.frameLocator('#display iframe').locator('img');
    return image.evaluate((node: HTMLImageElement) => ({ from: node.dataset['from'], width: node.naturalWidth }));
  }

  /** Lets time pass at once, here and at the server; the page's clock must be installed. */
  async forward(ms: number): Promise<void> {
    this.server.aheadMs += ms;
    await this.page.clock.fastForward(ms);
  }

  async online(): Promise<void> {
    await this.open();
    await this.broker.online(this.device);
  }

  /** A manifest of a campaign that is on air now; its template stands at its own path. */
  campaign(
    over: Record<string, unknown> & {
      colour?: string;
      assets?: { id?: string; url: string; checksum?: string; sizeBytes?: number }[];
    } = {},
  ): TestCampaign {
    const { colour = '#0a7', assets = [], ...rest } = over;
    const campaignId = typeof rest['campaignId'] === 'string' ? rest['campaignId'] : randomUUID();
    const version = typeof rest['version'] === 'number' ? rest['version'] : 1;
    const html = template(
      colour,
      assets.map(({ id, url }) => ({ id: id ?? url, url })),
    );
    return {
      manifestId: `${campaignId}-${version}`,
      campaignId,
      version,
      startAt: Date.now() - 1_000,
      expireAt: Date.now() + 3_600_000,
      ...this.template(campaignId, version, html),
      assets,
      ...rest,
    };
  }

  /** Puts a template up and says where it is and what its digest is. */
  template(campaignId: string, version: number, html: string): { templateUrl: string; templateChecksum: string } {
    const path = `/templates/${campaignId}/${version}/index.html`;
    this.server.answers.set(path, { body: html });
    return { templateUrl: `${this.server.url}${path}`, templateChecksum: sha256(html) };
  }

  /** A campaign whose template waits until it is told to play, and says its slides: one for each colour. */
  slideShow(colours: string[], over: Record<string, unknown> = {}, ms = 60_000): TestCampaign & { assets: { id: string }[] } {
    const assets = colours.map((colour) => this.asset(`/assets/${colour}.svg`, picture(colour)));
    const manifest = this.campaign({ assets, ...over });
    const html = waitingTemplate(assets.map(({ id }, index) => ({ id, colour: colours[index] ?? '', ms })));
    return { ...manifest, assets, ...this.template(manifest.campaignId, manifest.version, html) };
  }

  /** Puts a picture up and gives its entry of a manifest. */
  asset(path: string, body: string): { id: string; url: string; checksum: string } {
    this.server.answers.set(path, { body, type: 'image/svg+xml' });
    return { id: randomUUID(), url: `${this.server.url}${path}`, checksum: sha256(body) };
  }

  offer(manifest: unknown): void {
    this.broker.publish(`devices/${this.device}/notifications`, manifest);
  }

  revoke(campaignId: string): void {
    this.control({ type: 'revoke', campaignId });
  }

  control(message: unknown): void {
    this.broker.publish(`devices/${this.device}/control`, message);
  }

  /** How many frames stand in the display. */
  frames(): Promise<number> {
    return this.page.locator('#display iframe').count();
  }

  /** The background of what is shown, or '' when nothing is. */
  async shownColour(): Promise<string> {
    const frame = await (await this.page.$('#display iframe'))?.contentFrame();
    return (await frame?.evaluate(() => document.body.style.background)) ?? '';
  }

  /** Keys of one of the page's object stores. */
  stored(name: string): Promise<IDBValidKey[]> {
    return this.#read(name, 'getAllKeys') as Promise<IDBValidKey[]>;
  }

  /** The plays that are written down and not yet on their way. */
  plays(): Promise<Play[]> {
    return this.#read('plays', 'getAll') as Promise<Play[]>;
  }

  #read(name: string, what: 'getAll' | 'getAllKeys'): Promise<unknown[]> {
    return this.page.evaluate(
      ([database = '', store = '', method]) =>
        new Promise<unknown[]>((resolve, reject) => {
          const opening = indexedDB.open(database);
          opening.onsuccess = () => {
            const objects = opening.result.transaction(store).objectStore(store);
            const reading = method === 'getAll' ? objects.getAll() : objects.getAllKeys();
            reading.onsuccess = () => {
              opening.result.close();
              resolve(reading.result);
            };
          };
          opening.onerror = () => reject(new Error('no database'));
        }),
      [`marquee-player:${this.device}`, name, what],
    );
  }
}

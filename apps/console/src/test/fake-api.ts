import { once } from 'node:events';
import {
  type Backlog,
  type CampaignDetail,
  type Clearance,
  type ContactImportReport,
  type ContactView,
  createCampaign,
  type DeliveryDetail,
  type DeliveryView,
  editCampaign,
  type ExecutionView,
  type FeedAlerts,
  type FeedCampaign,
  type FeedDelivery,
  type FeedSummary,
  type PlaysReport,
  type ScreenDelivery,
  type UnclearScreen,
  type VersionView,
  type ScreenDetail,
  type StoredEvent,
  type WhyView,
} from '@marquee/contracts';
import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { FakeAlerts } from './fake-alerts.js';
import { by, json, newestFirst, pageOf, readBody, type Refusal, refuse, TYPES } from './fake-answers.js';
import { FakeClicks } from './fake-clicks.js';
import { campaignRow, createdRow, NO_COUNTS, versionRow } from './fixtures.js';

type Handler = (match: RegExpExecArray, url: URL, request: IncomingMessage, response: ServerResponse) => unknown;

/**
 * The API as the contracts describe it, in memory, and the built console beside it: what the pages are tested against in a browser.
 * It keeps every request, so that a test can tell what the page really sent.
 */
export class FakeApi {
  campaigns: CampaignDetail[] = [];
  deliveries: DeliveryView[] = [];
  executions: ExecutionView[] = [];
  backlog: Backlog = {
    new: 0,
    oldestNewMs: null,
    queued: 0,
    running: 0,
    paused: 0,
    pendingDeliveries: 0,
    overdueSlots: 0,
    oldestSlotMs: null,
    latestLagMs: null,
  };
  screens: ScreenDetail[] = [];
  contacts: ContactView[] = [];
  contactReport: ContactImportReport = { imported: 0, updated: 0, unchanged: 0, rejected: [], rejectedTotal: 0 };
  screenDeliveries: ScreenDelivery[] = [];
  screenEvents: StoredEvent[] = [];
  plays: PlaysReport = { total: { plays: 0, durationMs: 0 }, series: [], rows: null };
  picture = Buffer.alloc(0);
  readonly timelines = new Map<string, DeliveryDetail>();
  /** By screen. */
  readonly whys = new Map<string, WhyView>();
  /** Newest first, by campaign; a campaign that is not named has one version. */
  versions = new Map<string, VersionView[]>();
  unclear: UnclearScreen[] = [];
  clearance: Clearance = { clean: 0, dirty: 0, unreachable: 0, latestEnd: null };
  readonly alerts = new FakeAlerts();
  readonly clicks = new FakeClicks();
  template = '<!doctype html><title>t</title><body style="background:#123;color:#fff;font:160px sans-serif">Built page</body>';
  /** Refusals to come, by `METHOD /path` as requested; each is used once. */
  readonly refusals = new Map<string, Refusal[]>();
  readonly requests: { method: string; path: string; query: string; body: string; contentType: string }[] = [];
  readonly byKey = new Map<string, CampaignDetail>();
  private readonly blobs = new Map<string, { bytes: Buffer; type: string }>();
  private readonly streams = new Map<ServerResponse, string>();
  private readonly server: Server;
  origin = '';

  constructor(private readonly dist: string) {
    this.server = createServer((request, response) => {
      this.answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
    });
  }

  /** Listens on this port of loopback. */
  async start(port: number): Promise<void> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    this.origin = `http://127.0.0.1:${port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  refuseOnce(request: string, refusal: Refusal): void {
    this.refusals.set(request, [...(this.refusals.get(request) ?? []), refusal]);
  }

  /** Sends an event to who follows this campaign or all of them. */
  emit(event: string, data: FeedDelivery | FeedSummary | FeedCampaign | FeedAlerts): void {
    const name = event === 'message' ? '' : `event: ${event}\n`;
    for (const [stream, campaignId] of this.streams) {
      if (campaignId === '' || ('campaignId' in data && campaignId === data.campaignId))
        stream.write(`${name}data: ${JSON.stringify(data)}\n\n`);
    }
  }

  get openStreams(): string[] {
    return [...this.streams.values()];
  }

  cutStreams(): void {
    for (const stream of this.streams.keys()) stream.destroy();
  }

  sent(method: string, path: string): { body: string; query: string; contentType: string }[] {
    return this.requests.filter((request) => request.method === method && request.path === path);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.origin);
    const method = request.method ?? 'GET';
    const body = await readBody(request);
    this.requests.push({
      method,
      path: url.pathname,
      query: url.search,
      body: body.toString('utf8'),
      contentType: request.headers['content-type'] ?? '',
    });
    const refusal = this.refusals.get(`${method} ${url.pathname}`)?.shift();
    if (refusal !== undefined) return refuse(response, refusal);
    if (this.alerts.answer(method, url, body, response) || this.clicks.answer(method, url, body, response)) return;
    for (const [route, handle] of this.routes(body)) {
      const match = route.exec(`${method} ${url.pathname}`);
      if (match === null) continue;
      const answer = handle(match, url, request, response);
      if (!response.headersSent && answer !== undefined)
        json(response, method === 'POST' && url.pathname === '/campaigns' ? 201 : 200, answer);
      return;
    }
    await this.page(url.pathname, response);
  }

  private routes(body: Buffer): [RegExp, Handler][] {
    return [
      [/^GET \/campaigns\/events$/, (_match, _url, _request, response) => this.stream(response, '')],
      [/^GET \/campaigns\/([^/]+)\/events$/, ([, id], _url, _request, response) => this.stream(response, id ?? '')],
      [/^GET \/campaigns$/, (_match, url) => pageOf(newestFirst(this.campaigns).filter(by(url, 'status', (row) => row.status)), url)],
      [/^POST \/campaigns$/, (_match, _url, _request, response) => this.create(body, response)],
      [/^GET \/campaigns\/([^/]+)$/, ([, id], _url, _request, response) => this.one(id, response)],
      [/^POST \/campaigns\/([^/]+)\/cancel$/, ([, id], _url, _request, response) => this.change(id, response, { status: 'cancelled' })],
      [/^POST \/campaigns\/([^/]+)\/dispatch$/, ([, id], _url, _request, response) => this.dispatch(id, response)],
      ...this.interruptions(body),
      [/^PUT \/campaigns\/([^/]+)$/, ([, id], _url, request, response) => this.edit(id, body, request, response)],
      [/^GET \/campaigns\/([^/]+)\/versions$/, ([, id], url) => pageOf(this.versionsOf(id), url)],
      [/^POST \/campaigns\/([^/]+)\/rollback$/, ([, id], _url, request, response) => this.rollback(id, body, request, response)],
      [/^GET \/campaigns\/([^/]+)\/codes$/, ([, id]) => this.codesOf(id)],
      [/^GET \/campaigns\/[^/]+\/clearance$/, () => this.clearance],
      [/^GET \/deliveries\/([^/]+)$/, ([, id]) => this.timelines.get(id ?? '')],
      [/^GET \/campaigns\/[^/]+\/why$/, (_match, url) => this.whys.get(url.searchParams.get('deviceId') ?? '')],
      [/^GET \/campaigns\/[^/]+\/clearance\/screens$/, (_match, url) => pageOf(this.unclear, url)],
      [
        /^GET \/campaigns\/([^/]+)\/deliveries$/,
        ([, id], url) => pageOf(this.deliveries.filter((row) => row.campaignId === id).filter(by(url, 'status', (row) => row.status)), url),
      ],
      [/^GET \/executions$/, (_match, url) => pageOf(this.executions.filter(by(url, 'status', (row) => row.state)), url)],
      [/^GET \/executions\/backlog$/, () => this.backlog],
      [
        /^GET \/campaigns\/([^/]+)\/executions$/,
        ([, id], url) =>
          pageOf(
            this.executions.filter((row) => row.campaignId === id),
            url,
          ),
      ],
      [/^GET \/screens$/, (_match, url) => pageOf(this.matchingScreens(url), url)],
      [/^GET \/screens\/([^/]+)$/, ([, id], _url, _request, response) => this.oneScreen(id, response)],
      [/^GET \/screens\/([^/]+)\/deliveries$/, (_match, url) => pageOf(this.screenDeliveries, url)],
      [/^GET \/screens\/([^/]+)\/events$/, (_match, url) => pageOf(this.screenEvents, url)],
      [/^POST \/screens\/([^/]+)\/(identify|reload|screenshot)$/, ([, id, what]) => this.tell(id ?? '', what)],
      [
        /^GET \/screens\/[^/]+\/screenshot$/,
        (_match, _url, _request, response) => response.writeHead(200, { 'content-type': 'image/png' }).end(this.picture),
      ],
      [/^GET \/plays$/, () => this.plays],
      [
        /^POST \/screens\/import$/,
        () => ({ imported: 2, updated: 1, rejected: [{ line: 3, reason: 'deviceId: must match <b>the pattern</b>' }], rejectedTotal: 1 }),
      ],
      [/^GET \/contacts$/, (_match, url) => pageOf(this.matchingContacts(url), url)],
      [/^POST \/contacts\/import$/, () => this.contactReport],
      [/^POST \/audiences\/count$/, () => ({ count: this.screens.length })],
      [/^GET \/client-config$/, () => ({ apiBaseUrl: this.origin, brokerUrl: 'ws://127.0.0.1:9001', authOff: true })],
      [/^POST \/assets$/, (_match, _url, request) => this.store(body, request.headers['content-type'] ?? '')],
      [/^GET \/assets\/([0-9a-f]{64})$/, ([, digest], _url, _request, response) => this.blob(digest ?? '', response)],
      [
        /^GET \/templates\/[^/]+\/index.html$/,
        (_match, _url, _request, response) => {
          response.writeHead(200, { 'content-type': 'text/html', 'access-control-allow-origin': '*' }).end(this.template);
        },
      ],
    ];
  }

  private codesOf(id: string | undefined): unknown {
    const { clickUrl, assets } = this.campaigns.find((campaign) => campaign.id === id) ?? campaignRow();
    return {
      clickUrl,
      codes: clickUrl === null ? [] : assets.map((asset) => ({ assetId: asset.id, link: `${this.origin}/c/${asset.id.slice(0, 11)}` })),
    };
  }

  /** Claims are rewound by a resume; what was being sent ends well. */
  private interruptions(body: Buffer): [RegExp, Handler][] {
    const found = (id: string | undefined) => this.campaigns.find((campaign) => campaign.id === id) ?? campaignRow();
    return [
      [
        /^POST \/campaigns\/([^/]+)\/pause$/,
        ([, id], url, _request, response) => {
          const { epoch, counts } = found(id);
          this.change(id, response, { paused: true });
          return { paused: true, epoch, draining: counts.SENDING, ...(url.searchParams.get('force') === 'true' ? { forced: 1 } : {}) };
        },
      ],
      [
        /^POST \/campaigns\/([^/]+)\/resume$/,
        ([, id], _url, _request, response) => {
          const { epoch, counts } = found(id);
          const rewound = { ...counts, PENDING: counts.PENDING + counts.IN_PROGRESS, IN_PROGRESS: 0 };
          this.change(id, response, { paused: false, epoch: epoch + 1, counts: rewound });
          return { resumed: true, epoch: epoch + 1, rewound: counts.IN_PROGRESS };
        },
      ],
      [
        /^POST \/campaigns\/([^/]+)\/retry$/,
        ([, id], _url, _request, response) => {
          const { counts } = found(id);
          const state = (JSON.parse(body.toString('utf8')) as { scope: string }).scope === 'unknown' ? 'UNKNOWN' : 'FAILED';
          this.change(id, response, { status: 'active', counts: { ...counts, PENDING: counts.PENDING + counts[state], [state]: 0 } });
          return { retried: counts[state], executionId: randomUUID() };
        },
      ],
    ];
  }

  private stream(response: ServerResponse, campaignId: string): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(': hello\n\n');
    this.streams.set(response, campaignId);
    response.on('close', () => this.streams.delete(response));
  }

  private create(body: Buffer, response: ServerResponse): unknown {
    const parsed = createCampaign.safeParse(JSON.parse(body.toString('utf8')));
    if (!parsed.success) {
      const message = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
      return refuse(response, { code: 'VALIDATION_FAILED', message });
    }
    const { idempotencyKey } = parsed.data;
    const known = this.byKey.get(idempotencyKey);
    const created = known ?? createdRow(parsed.data);
    if (known === undefined) this.campaigns.push(created);
    this.byKey.set(idempotencyKey, created);
    const { counts: _counts, ...view } = created;
    return { ...view, warnings: ['The start is sooner than the last screen can be reached.'] };
  }

  private versionsOf(id: string | undefined): VersionView[] {
    const found = this.campaigns.find((campaign) => campaign.id === id);
    return this.versions.get(id ?? '') ?? (found === undefined ? [] : [versionRow(found)]);
  }

  private edit(id: string | undefined, body: Buffer, request: IncomingMessage, response: ServerResponse): unknown {
    const parsed = editCampaign.safeParse(JSON.parse(body.toString('utf8')));
    if (!parsed.success) return refuse(response, { code: 'VALIDATION_FAILED', message: parsed.error.issues.map((issue) => issue.message) });
    const { name, startAt, expireAt, metadata } = parsed.data;
    return this.nextVersion(id, request, response, { name, startAt, expireAt, metadata });
  }

  private rollback(id: string | undefined, body: Buffer, request: IncomingMessage, response: ServerResponse): unknown {
    const { version } = JSON.parse(body.toString('utf8')) as { version: number };
    const earlier = this.versionsOf(id).find((each) => each.version === version);
    if (earlier === undefined) return refuse(response, { code: 'NOT_FOUND', message: 'There is no such version' });
    return this.nextVersion(id, request, response, { name: earlier.name }, version);
  }

  private nextVersion(
    id: string | undefined,
    request: IncomingMessage,
    response: ServerResponse,
    part: Partial<CampaignDetail>,
    restores: number | null = null,
  ): unknown {
    const present = this.campaigns.find((campaign) => campaign.id === id);
    if (present === undefined) return refuse(response, { code: 'NOT_FOUND', message: 'There is no such campaign' });
    if (request.headers['if-match'] !== `"${present.version}"`)
      return refuse(response, { code: 'PRECONDITION_FAILED', message: `if-match: the campaign is at version ${present.version} by now` });
    const earlier = this.versionsOf(id);
    this.change(id, response, { ...part, version: present.version + 1 });
    const { counts: _counts, ...view } = this.campaigns.find((campaign) => campaign.id === id) ?? present;
    this.versions.set(present.id, [versionRow({ ...present, ...view }, { restores, liveAt: null }), ...earlier]);
    return { ...view, warnings: [] };
  }

  private one(id: string | undefined, response: ServerResponse): unknown {
    const found = this.campaigns.find((campaign) => campaign.id === id);
    if (found === undefined) return refuse(response, { code: 'NOT_FOUND', message: 'There is no such campaign' });
    return found;
  }

  /** A screen that is asked for a picture sends it at once. */
  private tell(id: string, what: string | undefined): unknown {
    const at = Date.now();
    if (what === 'screenshot')
      this.screens = this.screens.map((screen) => (screen.deviceId === id ? { ...screen, screenshotAt: at } : screen));
    return { asked: true };
  }

  private oneScreen(id: string | undefined, response: ServerResponse): unknown {
    const found = this.screens.find((screen) => screen.deviceId === decodeURIComponent(id ?? ''));
    return found ?? refuse(response, { code: 'NOT_FOUND', message: 'There is no such screen' });
  }

  change(id: string | undefined, response: ServerResponse, part: Partial<CampaignDetail>): unknown {
    const index = this.campaigns.findIndex((campaign) => campaign.id === id);
    const old = this.campaigns[index];
    if (old === undefined) return refuse(response, { code: 'NOT_FOUND', message: 'There is no such campaign' });
    const next = { ...old, ...part };
    this.campaigns[index] = next;
    return next;
  }

  private dispatch(id: string | undefined, response: ServerResponse): unknown {
    this.change(id, response, { status: 'publishing', counts: { ...NO_COUNTS, PENDING: this.screens.length } });
    return { started: true, executionId: randomUUID(), epoch: 1 };
  }

  private matchingScreens(url: URL): ScreenDetail[] {
    const q = url.searchParams.get('q');
    const tag = url.searchParams.get('tag');
    return this.screens
      .filter(by(url, 'status', (row) => row.status))
      .filter(by(url, 'groupId', (row) => row.groupId))
      .filter((row) => (q === null || row.deviceId.includes(q)) && (tag === null || row.tags.includes(tag)));
  }

  private matchingContacts(url: URL): ContactView[] {
    const q = url.searchParams.get('q');
    const tag = url.searchParams.get('tag');
    return this.contacts.filter((row) => (q === null || row.id.includes(q)) && (tag === null || row.tags.includes(tag)));
  }

  /** Takes the first part of a multipart body. */
  private store(body: Buffer, contentType: string): unknown {
    const boundary = `--${/boundary=(.+)$/.exec(contentType)?.[1] ?? ''}`;
    const text = body.toString('latin1');
    const head = text.indexOf('\r\n\r\n');
    const bytes = body.subarray(head + 4, text.indexOf(`\r\n${boundary}`, head));
    const type = /content-type: (\S+)/i.exec(text.slice(0, head))?.[1] ?? 'application/octet-stream';
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    this.blobs.set(sha256, { bytes, type });
    return { url: `${this.origin}/assets/${sha256}`, sha256, sizeBytes: bytes.length, type };
  }

  private blob(digest: string, response: ServerResponse): void {
    const blob = this.blobs.get(digest);
    if (blob === undefined) return refuse(response, { code: 'NOT_FOUND', message: 'There is no such asset' });
    response.writeHead(200, { 'content-type': blob.type }).end(blob.bytes);
  }

  /** The built console, as the API's own process serves it: `/` and `/console/…` are its page, `/console-assets/…` its files. */
  private async page(path: string, response: ServerResponse): Promise<void> {
    const isPage = path === '/' || path === '/console' || path.startsWith('/console/');
    if (!isPage && path !== '/favicon.svg' && !path.startsWith('/console-assets/'))
      return refuse(response, { code: 'NOT_FOUND', message: 'There is no such route' });
    const file = isPage ? 'index.html' : normalize(path);
    const bytes = await readFile(join(this.dist, file));
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    response
      .writeHead(200, { 'content-type': type, 'cache-control': isPage ? 'no-cache' : 'public, max-age=31536000, immutable' })
      .end(bytes);
  }
}

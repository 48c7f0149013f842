import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { extname, join } from 'node:path';
import { createHash } from 'node:crypto';
import type { ScreenEvent, StatusMessage } from '@marquee/contracts/player';
import { freePort } from '@marquee/testing';
import { Aedes } from 'aedes';
import { createWebSocketStream, WebSocketServer } from 'ws';

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

export interface Answer {
  status?: number;
  type?: string;
  body: string | Buffer;
}

/** The server that a player talks to over HTTP: its page under /player/, and whatever a test puts under other paths. */
export class PageServer {
  readonly answers = new Map<string, Answer | ((response: ServerResponse) => void)>();
  /** Every path that was asked for, in order. */
  readonly asked: string[] = [];
  /** How far the time that it tells is ahead of this machine's. */
  aheadMs = 0;
  readonly #server: Server;
  #port = 0;

  constructor(
    /** The folder of the built page; another one is another build. */
    public dist: string,
  ) {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** At the same port as before, when it was open before. */
  async open(): Promise<void> {
    // One that nobody else is given while this is closed.
    if (this.#port === 0) this.#port = await freePort();
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    // In this order: whoever connects in between would never be closed.
    this.#server.close();
    const closed = once(this.#server, 'close');
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://x').pathname;
    this.asked.push(path);
    response.setHeader('access-control-allow-origin', '*');
    const answer = this.answers.get(path);
    if (typeof answer === 'function') return answer(response);
    if (answer !== undefined) {
      response.writeHead(answer.status ?? 200, { 'content-type': answer.type ?? 'text/html' }).end(answer.body);
      return;
    }
    if (path === '/time') {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ now: Date.now() + this.aheadMs }));
      return;
    }
    const file = path === '/player/' ? 'index.html' : path.replace(/^\/player\//, '');
    const bytes = path.startsWith('/player/') ? await readFile(join(this.dist, file)).catch(() => undefined) : undefined;
    if (bytes === undefined) response.writeHead(404).end();
    else response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream').end(bytes);
  }
}

/** A broker with one WebSocket listener, as a screen meets it; it notes what screens say. */
export class TestBroker {
  readonly events: ScreenEvent[] = [];
  readonly statuses: { status: StatusMessage; retained: boolean }[] = [];
  /** While true, what screens publish is heard but not acknowledged. */
  mute = false;
  readonly #sockets = new Set<Socket>();
  readonly #watchers = new Set<() => void>();
  #aedes: Aedes | undefined;
  #http: Server | undefined;
  #port = 0;

  async open(): Promise<void> {
    const aedes = await Aedes.createBroker();
    const http = createServer();
    const webSockets = new WebSocketServer({ server: http, handleProtocols: () => 'mqtt' });
    webSockets.on('connection', (socket, request) => aedes.handle(createWebSocketStream(socket), request));
    http.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    aedes.authorizePublish = (_client, packet, done) => {
      this.#note(packet.topic, packet.payload.toString(), packet.retain);
      if (!this.mute) done(null);
    };
    if (this.#port === 0) this.#port = await freePort();
    http.listen(this.#port, '127.0.0.1');
    await once(http, 'listening');
    this.#aedes = aedes;
    this.#http = http;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}/`;
  }

  /** Gone without a word, as when the machine loses power. */
  async close(): Promise<void> {
    const http = this.#http;
    this.#http = undefined;
    // Before the sockets: whoever connects in between would never be closed.
    http?.close();
    const closed = http === undefined ? undefined : once(http, 'close');
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      if (this.#aedes === undefined) resolve();
      else this.#aedes.close(() => resolve());
    });
    await closed;
  }

  publish(topic: string, payload: unknown): void {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    this.#aedes?.publish({ cmd: 'publish', topic, payload: Buffer.from(text), qos: 1, retain: false, dup: false }, () => undefined);
  }

  /** What a device said, oldest first; what it said again under the same eventId counts once, as it does for the server. */
  said(deviceId: string): ScreenEvent[] {
    const known = new Map<string, ScreenEvent>();
    for (const event of this.events) if (event.deviceId === deviceId && !known.has(event.eventId)) known.set(event.eventId, event);
    return [...known.values()];
  }

  /** The kinds of event that a device sent about a campaign, in order. */
  kinds(deviceId: string, campaignId: string): string[] {
    return this.said(deviceId)
      .filter((event) => event.campaignId === campaignId)
      .map(({ eventType }) => eventType);
  }

  /** Resolves with what `find` gives as soon as it gives something; rejects after `limitMs`. */
  until<T>(find: () => T | undefined | false, what: string, limitMs = 30_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find();
        if (found === undefined || found === false) return;
        clearTimeout(timer);
        this.#watchers.delete(look);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#watchers.delete(look);
        reject(new Error(`never came: ${what}; said: ${JSON.stringify(this.events.slice(-10))}`));
      }, limitMs);
      this.#watchers.add(look);
      look();
    });
  }

  event(deviceId: string, eventType: string, campaignId: string, count = 1): Promise<ScreenEvent> {
    return this.until(
      () => this.said(deviceId).filter((event) => event.eventType === eventType && event.campaignId === campaignId)[count - 1],
      `${eventType} of ${campaignId} by ${deviceId}`,
    );
  }

  online(deviceId: string): Promise<StatusMessage> {
    return this.until(
      () => this.statuses.findLast(({ status }) => status.deviceId === deviceId && status.status === 'online')?.status,
      `${deviceId} online`,
    );
  }

  #note(topic: string, text: string, retained: boolean): void {
    if (topic.endsWith('/acks')) this.events.push(JSON.parse(text) as ScreenEvent);
    else if (topic.endsWith('/status')) this.statuses.push({ status: JSON.parse(text) as StatusMessage, retained });
    for (const look of this.#watchers) look();
  }
}

export function sha256(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A picture of one colour that knows its own size. */
export function picture(colour: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20" fill="${colour}"/></svg>`;
}

/** A template as ours are: asks for its assets by id, says when it is ready, falls back to the URL. */
export function template(colour: string, assets: { id: string; url: string }[] = []): string {
  return `<!doctype html><html><body style="margin:0;background:${colour}"><script>
    const assets = ${JSON.stringify(assets)};
    const left = new Set(assets.map((asset) => asset.id));
    const done = (id) => { left.delete(id); if (left.size === 0) parent.postMessage({ channel: 'marquee-stage-1', type: 'ready' }, '*'); };
    addEventListener('message', ({ source, data }) => {
      if (source !== parent || data?.channel !== 'marquee-stage-1' || data.type !== 'asset') return;
      const asset = assets.find(({ id }) => id === data.assetId);
      const image = document.createElement('img');
      image.id = asset.id;
      image.dataset.from = data.blob ? 'blob' : 'url';
      image.onload = image.onerror = () => done(asset.id);
      image.src = data.blob ? URL.createObjectURL(data.blob) : asset.url;
      document.body.append(image);
    });
    for (const { id } of assets) parent.postMessage({ channel: 'marquee-stage-1', type: 'asset', assetId: id }, '*');
    if (assets.length === 0) done();
  </script></body></html>`;
}

/**
 * A template as the server builds them now: waits, painted, in a frame whose player tells it to play; then says its slides, one after
 * another in their colours. Of `begun` each slide's moment by the frame's own clock is kept.
 */
export function waitingTemplate(slides: { id: string; colour: string; ms: number }[]): string {
  return `<!doctype html><html><body style="margin:0;background:${slides[0]?.colour ?? '#000'}"><script>
    const slides = ${JSON.stringify(slides)};
    const tell = (message) => parent.postMessage({ channel: 'marquee-stage-1', ...message }, '*');
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    window.begun = [];
    window.plays = 0;
    let play;
    const told = new Promise((done) => { play = done; });
    if (name !== 'marquee-stage-plays') play();
    addEventListener('message', ({ source, data }) => {
      if (source !== parent || data?.channel !== 'marquee-stage-1') return;
      if (data.type === 'play') { window.plays += 1; play(); }
      if (data.type !== 'picture') return;
      const canvas = document.createElement('canvas');
      canvas.width = 16;
      canvas.height = 9;
      const context = canvas.getContext('2d');
      context.fillStyle = document.body.style.background;
      context.fillRect(0, 0, 16, 9);
      canvas.toBlob((blob) => tell({ type: 'picture', blob }), 'image/png');
    });
    (async () => {
      tell({ type: 'ready' });
      await told;
      for (let index = 0; ; index = (index + 1) % slides.length) {
        document.body.style.background = slides[index].colour;
        begun.push(Date.now());
        tell({ type: 'slide', assetId: slides[index].id, index });
        await wait(slides[index].ms);
      }
    })();
  </script></body></html>`;
}

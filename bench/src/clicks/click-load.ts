import { randomUUID } from 'node:crypto';
import { percentile, rounded } from '../statistics.js';
import { type Answered, HttpLanes } from './http-lanes.js';

export interface ClickLoadOptions {
  origin: string;
  path: string;
  /** Of as many users; all of one length. */
  tokens: string[];
  /** What is not answered OK is sent again, with the same messageId, until it is. */
  repeats: boolean;
}

/** What clients met since the last look. The times are those of answers of 200, from the moment at which the click was due. */
export interface ClickTally extends Record<string, number> {
  sent: number;
  ok: number;
  /** 503. */
  overloaded: number;
  /** Any other answer. */
  other: number;
  refused: number;
  cut: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** Longest that the clients themselves were held up, ms: what is about as much is not the server's. */
  ownMs: number;
}

/** A click that was answered OK, and when, epoch ms. */
export interface OkClick {
  id: string;
  at: number;
}

interface Click {
  id: string;
  /** `performance.now()`. */
  dueAt: number;
}

/** More connections than this and a click waits for one; it is late then, and counts as late. */
const MOST_CONNECTIONS = 4000;
const ADS = 20;
const CAMPAIGNS = Array.from({ length: 5 }, (_, index) => `0190a1b2-0000-7000-8000-00000000000${index}`);
const REPEAT_MS = 1000;
const PATIENCE_MS = 120_000;

/** People who click, so many a second whatever the answers, each in turn another; and a list of who was told OK. */
export class ClickLoad {
  private readonly lanes: HttpLanes;
  private readonly heads: string[];
  private readonly oks: OkClick[] = [];
  private times: number[] = [];
  private counts = { sent: 0, ok: 0, overloaded: 0, other: 0, refused: 0, cut: 0 };
  private timer: NodeJS.Timeout | undefined;
  private made = 0;
  private ownMs = 0;
  /** Made and neither answered OK nor given up. */
  private open = 0;
  private waiting: Click[] = [];

  constructor(private readonly options: ClickLoadOptions) {
    const origin = new URL(options.origin);
    this.lanes = new HttpLanes(origin, MOST_CONNECTIONS);
    const length = body('', 0).length + randomUUID().length;
    this.heads = options.tokens.map(
      (token) =>
        `POST ${options.path} HTTP/1.1\r\nhost: ${origin.host}\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n` +
        `authorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`,
    );
  }

  /** From now on so many a second. */
  start(rate: number): void {
    this.halt();
    const began = performance.now();
    let due = 0;
    let before = began;
    this.timer = setInterval(() => {
      const now = performance.now();
      this.ownMs = Math.max(this.ownMs, now - before);
      before = now;
      const waiting = this.waiting.splice(0);
      for (const click of waiting) this.send(click);
      for (const last = Math.floor(((now - began) / 1000) * rate); due < last; due += 1) this.click(began + ((due + 1) * 1000) / rate);
    }, 1);
  }

  /** No new ones; resolves when every click was answered, in the end by OK where it is repeated. */
  async stop(): Promise<void> {
    this.halt();
    this.timer = setInterval(() => {
      for (const click of this.waiting.splice(0)) this.send(click);
    }, 5);
    const until = performance.now() + PATIENCE_MS;
    while (this.open > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    this.halt();
  }

  take(): ClickTally {
    const { times, counts, ownMs } = this;
    this.times = [];
    this.ownMs = 0;
    this.counts = { sent: 0, ok: 0, overloaded: 0, other: 0, refused: 0, cut: 0 };
    const maxMs = times.reduce((most, time) => Math.max(most, time), 0);
    return {
      ...counts,
      p50Ms: rounded(percentile(times, 0.5)),
      p99Ms: rounded(percentile(times, 0.99)),
      maxMs: rounded(maxMs),
      ownMs: rounded(ownMs),
    };
  }

  /** Of all its life. */
  answeredOk(): OkClick[] {
    return this.oks;
  }

  close(): void {
    this.halt();
    this.lanes.close();
  }

  private halt(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private click(dueAt: number): void {
    this.open += 1;
    this.send({ id: randomUUID(), dueAt });
  }

  private send(click: Click): void {
    this.made += 1;
    const request = this.heads[this.made % this.heads.length] + body(click.id, this.made);
    if (!this.lanes.ask(request, (answered) => this.answered(click, answered))) this.waiting.push(click);
    else this.counts.sent += 1;
  }

  private answered(click: Click, answered: Answered): void {
    const { counts } = this;
    if (answered === 200) {
      counts.ok += 1;
      this.open -= 1;
      this.times.push(performance.now() - click.dueAt);
      this.oks.push({ id: click.id, at: Date.now() });
      return;
    }
    if (answered === 503) counts.overloaded += 1;
    else if (answered === 'refused' || answered === 'cut') counts[answered] += 1;
    else counts.other += 1;
    if (!this.options.repeats) this.open -= 1;
    else setTimeout(() => this.again(click), REPEAT_MS * (0.5 + Math.random()));
  }

  private again(click: Click): void {
    click.dueAt = performance.now();
    this.send(click);
  }
}

function body(id: string, n: number): string {
  const ad = String(n % ADS).padStart(2, '0');
  return `{"adId":"ad-${ad}","adType":"banner","campaignId":"${CAMPAIGNS[n % CAMPAIGNS.length]}","messageId":"${id}"}`;
}

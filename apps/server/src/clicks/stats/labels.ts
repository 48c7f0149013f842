import { hash } from 'node:crypto';
import { isbot } from 'isbot';
import { type ClickEvent, minuteOf } from '../click.js';

/** Names of agents whose answer is remembered: a look at one costs a hundred times as much. */
const MOST_AGENTS = 10_000;
/** The list takes what apps on Android ask with for a robot. */
const OF_APPS = /^okhttp\//;

export interface LabelOptions {
  /** A click of the same visitor on the same ad within less than so many ms of another is a duplicate. */
  duplicateMs: number;
  /** More clicks of one visitor in one minute are a bot's. */
  botPerMinute: number;
}

export interface Labels {
  bot: boolean;
  duplicate: boolean;
}

/** What is known of a visitor with an ad, or with a minute, this batch included. */
export interface Visits {
  /** The latest click before this batch, epoch ms. */
  before: number | null;
  /** How many clicks in all. */
  n: number;
}

/** One visitor with one ad, or with one minute. */
export interface VisitKey {
  key: string;
  lastAt: number;
  n: number;
}

/** A click with the digests under which its visitor is known. */
interface Keyed {
  click: ClickEvent;
  index: number;
  onAd: string;
  inMinute: string;
}

/** Clicks of one batch on their way to their labels: nothing is dropped for one. */
export class Labelling {
  private static readonly agents = new Map<string, boolean>();
  private readonly clicks: Keyed[];

  constructor(
    clicks: readonly ClickEvent[],
    private readonly options: LabelOptions,
  ) {
    this.clicks = clicks.map((click, index) => {
      // Whoever is signed in is told by that: behind one address there may be thousands with the same agent.
      const visitor = click.uid === '' ? `a\n${click.ip}\n${click.agent ?? ''}` : `u\n${click.uid}`;
      return { click, index, onAd: digest(`${visitor}\n\n${click.adId}`), inMinute: digest(`${visitor}\n${minuteOf(click.clickedAt)}`) };
    });
    this.clicks.sort((a, b) => a.click.clickedAt - b.click.clickedAt);
  }

  /** Whom to ask about, each once. */
  keys(): VisitKey[] {
    const keys = new Map<string, VisitKey>();
    for (const { click, onAd, inMinute } of this.clicks) {
      for (const key of [onAd, inMinute]) {
        const known = keys.get(key);
        if (known === undefined) keys.set(key, { key, lastAt: click.clickedAt, n: 1 });
        else {
          known.lastAt = Math.max(known.lastAt, click.clickedAt);
          known.n += 1;
        }
      }
    }
    return [...keys.values()];
  }

  /** The labels of each click, in the order in which the clicks were given. */
  labels(visits: ReadonlyMap<string, Visits>): Labels[] {
    const { duplicateMs, botPerMinute } = this.options;
    const labels: Labels[] = [];
    const latest = new Map<string, number>();
    /** Clicks of the minute that are not looked at yet. */
    const left = new Map<string, number>();
    for (const { inMinute } of this.clicks) left.set(inMinute, (left.get(inMinute) ?? 0) + 1);
    for (const { click, index, onAd, inMinute } of this.clicks) {
      const at = click.clickedAt;
      const near = (other: number | null | undefined): boolean =>
        other !== null && other !== undefined && Math.abs(at - other) < duplicateMs;
      const rest = (left.get(inMinute) ?? 1) - 1;
      left.set(inMinute, rest);
      labels[index] = {
        bot: Labelling.isBot(click.agent) || (visits.get(inMinute)?.n ?? 0) - rest > botPerMinute,
        duplicate: near(latest.get(onAd)) || near(visits.get(onAd)?.before),
      };
      latest.set(onAd, at);
    }
    return labels;
  }

  private static isBot(agent: string | undefined): boolean {
    if (agent === undefined) return false;
    let known = Labelling.agents.get(agent);
    if (known === undefined) {
      known = !OF_APPS.test(agent) && isbot(agent);
      if (Labelling.agents.size >= MOST_AGENTS) Labelling.agents.clear();
      Labelling.agents.set(agent, known);
    }
    return known;
  }
}

/** In the form of a UUID: 16 bytes to PostgreSQL. */
function digest(text: string): string {
  const hex = hash('sha256', text, 'hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

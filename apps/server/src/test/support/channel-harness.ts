import { randomUUID } from 'node:crypto';
import type { Channel, OutgoingBatch, OutgoingDelivery } from '../../channels/channel.js';
import { GatedPoster } from '../../channels/gated-poster.js';
import { NullChannel } from '../../channels/null-channel.js';
import { type Publish, ScreenChannel } from '../../channels/screen-channel.js';
import { WebhookChannel } from '../../channels/webhook-channel.js';
import { AddressPolicy, parseFetchAllow, type ResolveName } from '../../kit/address-policy.js';
import { systemClock } from '../../kit/clock.js';
import { answers, breaksOff, HookReceiver, takes } from './hook-receiver.js';

/** How the other side takes what is sent to it. `refuses`: it says that it has not taken it. `vanishes`: nobody can tell. */
export type Receiving = 'takes' | 'refuses' | 'vanishes';

/** One channel and whoever receives what it sends. */
export interface ChannelHarness {
  channel: Channel;
  receiving(how: Receiving): void;
  /** What arrived so far, in order: the key by which a receiver knows a repetition. */
  arrived(): string[];
  /** Most sends that the other side saw under way at once. */
  mostAtOnce?: () => number;
  close(): Promise<void>;
}

export interface ChannelKind {
  name: string;
  /** How its other side can behave. */
  can: readonly Receiving[];
  /** Whether there is another side at all. */
  delivers: boolean;
  open: () => Promise<ChannelHarness>;
}

export const CAMPAIGN = randomUUID();
/** What a campaign has, of the one that there is. */
export const ofCampaign =
  <Content>(content: Content) =>
  (id: string) =>
    Promise.resolve(id === CAMPAIGN ? content : undefined);

export function outgoing(count: number): { batch: OutgoingBatch; deliveries: OutgoingDelivery[] } {
  const deliveries = Array.from({ length: count }, (_, index) => ({ id: randomUUID(), recipient: `r-${index}`, attempt: 1, unstarted: 0 }));
  const deliveryIds = deliveries.map(({ id }) => id);
  return { batch: { campaignId: CAMPAIGN, executionId: randomUUID(), epoch: 0, deliveryIds }, deliveries };
}

async function openScreen(): Promise<ChannelHarness> {
  let how: Receiving = 'takes';
  const topics: string[] = [];
  const publish: Publish = async (topic, _payload, mayStart) => {
    if (how === 'refuses') throw Object.assign(new Error('the broker is away'), { ambiguous: false });
    if (mayStart?.() === false) throw Object.assign(new Error('not any more'), { ambiguous: false });
    topics.push(topic);
    if (how === 'vanishes') throw new Error('the broker went away');
  };
  return {
    channel: new ScreenChannel(publish, ofCampaign(Buffer.from('manifest'))),
    receiving: (next) => (how = next),
    arrived: () => topics,
    close: () => Promise.resolve(),
  };
}

async function openNull(): Promise<ChannelHarness> {
  const content = { latencyMs: 1, failureRate: 0 };
  return {
    channel: new NullChannel(ofCampaign(content)),
    receiving: (how) => (content.failureRate = how === 'refuses' ? 1 : 0),
    // Nothing that it sends arrives anywhere, which is what it promises.
    arrived: () => [],
    close: () => Promise.resolve(),
  };
}

const WEBHOOK_SLOTS = 4;

async function openWebhook(): Promise<ChannelHarness> {
  const receiver = await HookReceiver.start();
  const poster = testPoster({ connections: WEBHOOK_SLOTS });
  const content = { url: receiver.url, secret: 'hush' };
  const options = { slots: WEBHOOK_SLOTS, maxAttempts: 3 };
  return {
    channel: new WebhookChannel(poster, ofCampaign(content), () => Promise.resolve(new Map()), options),
    receiving: (how) => (receiver.behave = { takes, refuses: answers(410), vanishes: breaksOff }[how]),
    arrived: () => receiver.posts.all.map(({ headers }) => String(headers['idempotency-key'])),
    mostAtOnce: () => receiver.mostAtOnce,
    close: async () => {
      await poster.close();
      await receiver.stop();
    },
  };
}

export interface TestPosterOptions {
  connections?: number;
  timeoutMs?: number;
  /** As WEBHOOK_ALLOW; this machine unless said otherwise. */
  allow?: string;
  resolve?: ResolveName;
  now?: () => number;
}

export function testPoster(options: TestPosterOptions = {}): GatedPoster {
  const { connections = 4, timeoutMs = 5000, allow = '127.0.0.1', resolve, now = Date.now } = options;
  const allowed = parseFetchAllow(allow);
  if (!allowed.ok) throw new Error(allowed.error);
  const policy = new AddressPolicy(allowed.allow, resolve, { neverLinkLocal: true });
  return new GatedPoster(policy, { ...systemClock, now }, { timeoutMs, connections, allowSetting: 'WEBHOOK_ALLOW' });
}

export const CHANNEL_KINDS: readonly ChannelKind[] = [
  { name: 'screen', can: ['takes', 'refuses', 'vanishes'], delivers: true, open: openScreen },
  { name: 'webhook', can: ['takes', 'refuses', 'vanishes'], delivers: true, open: openWebhook },
  { name: 'null', can: ['takes', 'refuses'], delivers: false, open: openNull },
];

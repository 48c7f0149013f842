import { webhookContent } from '@marquee/contracts';
import { type Channel, type OutgoingBatch, REDELIVERY, type Send, type SendResult } from './channel.js';
import type { ExchangeOutcome } from './exchange.js';
import type { GatedPoster, PostTarget } from './gated-poster.js';
import type { ContentOf } from './null-channel.js';

/** The recipients of these deliveries by delivery id, each the JSON of an object; without those that are contacts no more. */
export type RecipientsOf = (deliveryIds: readonly string[]) => Promise<ReadonlyMap<string, string>>;

export interface WebhookChannelOptions {
  /** Most posts under way at once in this process. */
  slots: number;
  maxAttempts: number;
}

/** What all posts of a campaign have in common. */
interface Hook {
  target: PostTarget;
  /** JSON. */
  data: string;
}

/** First pause after what gave no Retry-After, ms; later ones are longer. */
const RETRY_MS = 1000;
/** With these the receiver says that it has not taken it. Any other answer above 499 says no such thing. */
const TURNED_AWAY: readonly (number | undefined)[] = [408, 425, 429, 503];

/**
 * One POST a recipient, with the delivery's id as its idempotency key on every attempt. SUCCESS means that the receiver answered 2xx. What
 * it said was too much, or failed to take, is repeated, any other answer is final.
 */
export class WebhookChannel implements Channel {
  readonly name = 'webhook';
  readonly redelivery = REDELIVERY.webhook;
  readonly slots: number;
  readonly maxAttempts: number;
  /** By content, which is kept as long as it is worth it by whoever reads it. */
  private readonly hooks = new WeakMap<object, Hook>();

  constructor(
    private readonly poster: GatedPoster,
    private readonly contentOf: ContentOf,
    private readonly recipientsOf: RecipientsOf,
    { slots, maxAttempts }: WebhookChannelOptions,
  ) {
    this.slots = slots;
    this.maxAttempts = maxAttempts;
  }

  async prepare({ campaignId, executionId, epoch, deliveryIds }: OutgoingBatch): Promise<Send | undefined> {
    const content = await this.contentOf(campaignId);
    if (typeof content !== 'object' || content === null) return undefined;
    const hook = this.hookOf(content);
    const recipients = await this.recipientsOf(deliveryIds);
    // Ids need no escaping, and what is the same in all of them is written once.
    const head = `{"campaignId":"${campaignId}","executionId":"${executionId}","deliveryId":"`;
    const between = `","epoch":${epoch},"attempt":`;
    const tail = `,"data":${hook.data}}`;
    return async ({ id, recipient, attempt, unstarted }, mayStart) => {
      const whom = recipients.get(id) ?? JSON.stringify({ id: recipient });
      const body = `${head}${id}${between}${attempt - unstarted},"recipient":${whom}${tail}`;
      return resultOf(await this.poster.post(hook.target, id, body, mayStart));
    };
  }

  private hookOf(content: object): Hook {
    const known = this.hooks.get(content);
    if (known !== undefined) return known;
    const { url, secret, headers = {}, data = {} } = webhookContent.parse(content);
    const hook = { target: this.poster.target(new URL(url), headers, secret), data: JSON.stringify(data) };
    this.hooks.set(content, hook);
    return hook;
  }
}

function resultOf({ started, ended }: ExchangeOutcome): SendResult {
  if (ended === undefined) return { outcome: 'NOT_STARTED' };
  if (ended.ok) return { outcome: 'SUCCESS' };
  const { reason } = ended;
  if (ended.kind === 'refused') return { outcome: 'FAILED', reason };
  const ambiguous = started && !TURNED_AWAY.includes(ended.status);
  return { outcome: 'RETRY', reason, afterMs: Math.max(RETRY_MS, ended.retryAfterMs), ambiguous };
}

import { CLICK_SOURCES, deviceId, epochMs, storableText } from '@marquee/contracts';
import { z } from 'zod';
import type { ClickEvent } from '../click.js';

/** A click that is dated later than this by the clock here is no click of ours: nothing could be told about its minute. */
const AHEAD_MS = 86_400_000;
/** Of an agent's name; what is longer is cut. */
const LONGEST_AGENT = 512;

const uuid = z.uuid().transform((id) => id.toLowerCase());

/** What others publish may hold more than we know; what it leaves out may be null. */
const clickBody = z.object({
  messageId: uuid,
  uid: storableText(1024),
  adId: storableText(128).min(1),
  adType: storableText(64).min(1),
  clickedAt: z
    .union([
      z
        .string()
        .regex(/^\d{1,16}$/, 'must be epoch ms')
        .transform(Number),
      z.number(),
    ])
    .pipe(epochMs),
  ip: storableText(128),
  source: z.enum(CLICK_SOURCES).nullish(),
  campaignId: uuid.nullish(),
  creativeId: uuid.nullish(),
  deviceId: deviceId.nullish(),
  agent: storableText(8192).nullish(),
});

/** The click in a message, or why there is none in it: such a message can never be counted. */
export function parseClickBody(body: string, now: number): ClickEvent | { dead: string } {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { dead: 'the body is no JSON' };
  }
  const parsed = clickBody.safeParse(json);
  if (!parsed.success) return { dead: parsed.error.issues.map(sentence).join('; ').slice(0, 1000) };
  const { messageId, uid, adId, adType, clickedAt, ip, source, campaignId, creativeId, deviceId: device, agent } = parsed.data;
  if (clickedAt > now + AHEAD_MS) return { dead: 'clickedAt is more than a day ahead' };
  // Key by key: objects that are spread together cost four times as much, and every reader of them too.
  const event: ClickEvent = { messageId, uid, adId, adType, clickedAt, ip, source: source ?? 'api' };
  if (isGiven(campaignId)) event.campaignId = campaignId;
  if (isGiven(creativeId)) event.creativeId = creativeId;
  if (isGiven(device)) event.deviceId = device;
  if (isGiven(agent)) event.agent = agent.length <= LONGEST_AGENT ? agent : agent.slice(0, LONGEST_AGENT).replace(/[\uD800-\uDBFF]$/, '');
  return event;
}

function isGiven(value: string | null | undefined): value is string {
  return value !== undefined && value !== null;
}

function sentence({ path, message }: { path: PropertyKey[]; message: string }): string {
  return path.length === 0 ? `the body: ${message}` : `${path.map(String).join('.')}: ${message}`;
}

import { ROUTES } from '@marquee/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ClickEvent } from '../clicks/click.js';
import type { ScanTarget } from '../clicks/codes/scan-targets.js';
import type { Clock } from '../kit/clock.js';
import { newId } from '../kit/ids.js';
import type { Log } from '../kit/log.js';

/** What the route of the QR codes needs. */
export interface ScanDoor {
  targets: { find(code: string): Promise<ScanTarget | undefined> };
  accept(event: ClickEvent): 'OK' | 'OVERLOADED' | 'LATE' | Promise<'OK' | 'OVERLOADED' | 'LATE'>;
  rejected(reason: 'overloaded', count: number): void;
  /** As CLICK_IP says. */
  keepAddress(address: string): string;
  clock: Clock;
  log: Log;
}

const MAX_AGENT_LENGTH = 256;
/** Programs that fetch a link to show a picture of it where somebody pasted it: nobody stood before a screen. */
const PREVIEWS =
  /facebookexternalhit|facebot|whatsapp\/|telegrambot|twitterbot|slackbot|slack-imgproxy|discordbot|linkedinbot|skypeuripreview|pinterestbot|redditbot|vkshare|embedly|iframely|mattermost|microsoftpreview/i;

const HEADERS = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex',
};

/**
 * Adds `GET /c/:code`: leads to the campaign's target and counts the click. Whoever scanned is led there also when the click cannot be taken;
 * the ledger has it as rejected then.
 */
export function addScanRoute(fastify: FastifyInstance, door: ScanDoor): void {
  fastify.get<{ Params: { id: string } }>(ROUTES.scan, (request, reply) => lead(door, request, request.params.id, reply));
}

async function lead(door: ScanDoor, request: FastifyRequest, code: string, reply: FastifyReply): Promise<FastifyReply> {
  void reply.headers(HEADERS);
  let target: ScanTarget | undefined;
  try {
    target = await door.targets.find(code);
  } catch (error) {
    door.log.warn({ err: error }, 'where a code leads cannot be told now');
    return page(
      reply.header('retry-after', '5'),
      503,
      'One moment, please',
      'This link cannot be opened right now. Please scan the code again.',
    );
  }
  if (target === undefined) return page(reply, 404, 'Nothing here', 'This code leads nowhere any more.');
  if (counts(request)) count(door, request, target);
  return reply.redirect(target.url, 302);
}

/** A link that is looked at, fetched ahead or shown as a preview was not followed by anybody yet. */
function counts({ method, headers }: FastifyRequest): boolean {
  const purpose = [headers['sec-purpose'], headers['purpose'], headers['x-purpose'], headers['x-moz']].join(' ');
  return method === 'GET' && !/prefetch|prerender|preview/i.test(purpose) && !PREVIEWS.test(headers['user-agent'] ?? '');
}

/** Nobody waits for it: a phone that was led on does not come back to be told. */
function count(door: ScanDoor, request: FastifyRequest, target: ScanTarget): void {
  const { campaignId, assetId, assetType, deviceId } = target;
  const event: ClickEvent = {
    messageId: newId(),
    uid: '',
    adId: assetId,
    adType: assetType,
    clickedAt: door.clock.now(),
    ip: door.keepAddress(request.ip),
    source: 'qr',
    campaignId,
    creativeId: assetId,
  };
  if (deviceId !== undefined) event.deviceId = deviceId;
  const agent = request.headers['user-agent'];
  if (agent !== undefined) event.agent = agent.slice(0, MAX_AGENT_LENGTH);
  Promise.resolve(door.accept(event)).then(
    (accepted) => {
      if (accepted === 'OVERLOADED') door.rejected('overloaded', 1);
    },
    (error: unknown) => door.log.error({ err: error }, 'a scan could not be counted'),
  );
}

function page(reply: FastifyReply, status: number, title: string, text: string): FastifyReply {
  return reply
    .status(status)
    .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
    .type('text/html; charset=utf-8')
    .send(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>body{margin:0;min-height:100vh;display:grid;place-content:center;padding:1.5rem;font:1.1rem/1.5 system-ui,sans-serif;text-align:center;color:#1b1b20;background:#f6f6f8}h1{font-size:1.5rem;margin:0 0 .5rem}p{margin:0;color:#55555f}</style>
<h1>${title}</h1>
<p>${text}</p>
</html>
`);
}

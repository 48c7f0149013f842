import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { LookupAddress } from 'node:dns';
import { createServer } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ResolveName } from '../kit/address-policy.js';
import { CAMPAIGN, ofCampaign, outgoing, testPoster, type TestPosterOptions } from '../test/support/channel-harness.js';
import { eventually } from '../test/support/eventually.js';
import { answers, breaksOff, hangs, HookReceiver } from '../test/support/hook-receiver.js';
import { Inbox } from '../test/support/inbox.js';
import type { OutgoingDelivery, SendResult, StartGate } from './channel.js';
import type { GatedPoster } from './gated-poster.js';
import { WebhookChannel } from './webhook-channel.js';

let receiver: HookReceiver;
let posters: GatedPoster[];
beforeEach(async () => {
  posters = [];
  receiver = await HookReceiver.start();
});
afterEach(async () => {
  for (const poster of posters) await poster.close();
  await receiver.stop();
});

const open = (): boolean => true;
const [DELIVERY] = outgoing(1).deliveries as [OutgoingDelivery];
const EXECUTION = randomUUID();

interface Campaign {
  content?: object;
  recipients?: ReadonlyMap<string, string>;
  poster?: TestPosterOptions;
}

function channelOf({ content = { url: receiver.url }, recipients = new Map(), poster: options = {} }: Campaign = {}): WebhookChannel {
  const poster = testPoster(options);
  posters.push(poster);
  return new WebhookChannel(poster, ofCampaign(content), () => Promise.resolve(recipients), { slots: 4, maxAttempts: 3 });
}

/** Sends of one campaign over one poster. */
async function sender(campaign: Campaign = {}): Promise<(delivery?: Partial<OutgoingDelivery>, gate?: StartGate) => Promise<SendResult>> {
  const send = await channelOf(campaign).prepare({ campaignId: CAMPAIGN, executionId: EXECUTION, epoch: 7, deliveryIds: [DELIVERY.id] });
  if (send === undefined) throw new Error('there was nothing to send');
  return (delivery = {}, gate = open) => send({ ...DELIVERY, ...delivery }, gate);
}

test('the receiver is told everything, and can tell by the signature that it was not changed on its way', async () => {
  const whom = { id: 'r-0', email: 'a"b@example.com', attributes: { plan: 'gold' }, tags: [] };
  const content = {
    url: `${receiver.url}?team=7`,
    secret: 'hush ü',
    headers: { 'X-Team': 'seven' },
    data: { text: 'Hallo "Welt"\u2028 ü' },
  };
  const post = await sender({ content, recipients: new Map([[DELIVERY.id, JSON.stringify(whom)]]) });
  expect(await post({ attempt: 3 })).toEqual({ outcome: 'SUCCESS' });
  const got = await receiver.posts.first();
  expect(got.path).toBe('/hook?team=7');
  expect(JSON.parse(got.text)).toEqual({
    campaignId: CAMPAIGN,
    executionId: EXECUTION,
    deliveryId: DELIVERY.id,
    epoch: 7,
    attempt: 3,
    recipient: whom,
    data: content.data,
  });
  const timestamp = String(got.headers['x-marquee-timestamp']);
  expect(got.headers).toMatchObject({ 'idempotency-key': DELIVERY.id, 'content-type': 'application/json', 'x-team': 'seven' });
  expect(Math.abs(Number(timestamp) - got.at)).toBeLessThan(60_000);
  const expected = createHmac('sha256', content.secret).update(`${timestamp}.${got.text}`).digest('hex');
  expect(got.headers['x-marquee-signature']).toBe(`sha256=${expected}`);
});

test('a recipient who is a contact no more is named all the same, and without a secret nothing is signed', async () => {
  const post = await sender();
  await post({ recipient: 'gone "x"' });
  const { text, headers } = await receiver.posts.first();
  expect(JSON.parse(text)).toMatchObject({ recipient: { id: 'gone "x"' }, data: {} });
  expect(headers['x-marquee-signature']).toBeUndefined();
});

test('not one byte is written to an open connection when the gate is closed, and the connection is kept', async () => {
  const post = await sender({ poster: { connections: 1 } });
  await post();
  const one = receiver.bytes;
  for (let times = 0; times < 5; times += 1) expect(await post({}, () => false)).toEqual({ outcome: 'NOT_STARTED' });
  // On the same connection what was written before would be read before.
  await post();
  expect(receiver.bytes).toBe(2 * one);
  expect(receiver.connections).toBe(1);
  expect(receiver.posts.all).toHaveLength(2);
});

test('not one byte is written to a connection that was opened in vain', async () => {
  const read = new Inbox<number>();
  const server = createServer((socket) => {
    socket.on('error', () => undefined).on('close', () => read.put(socket.bytesRead));
    socket.resume();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const post = await sender({ content: { url: `http://127.0.0.1:${port}/` } });
  expect(await post({}, () => false)).toEqual({ outcome: 'NOT_STARTED' });
  await posters[0]?.close();
  expect(await read.first()).toBe(0);
  server.close();
  await once(server, 'close');
});

test('the gate is asked when a connection is free and not before, and the stamp is of that moment', async () => {
  let now = 1000;
  const post = await sender({ content: { url: receiver.url, secret: 'hush' }, poster: { connections: 1, now: () => now } });
  let release: (() => void) | undefined;
  receiver.behave = (_, response) => (release = () => void response.writeHead(204).end());
  const first = post();
  await receiver.posts.first();
  let askedAt: number | undefined;
  const second = post({ attempt: 2 }, () => {
    askedAt = now;
    return true;
  });
  expect(askedAt).toBeUndefined();
  now = 5000;
  receiver.behave = answers(204);
  release?.();
  expect(await Promise.all([first, second])).toEqual([{ outcome: 'SUCCESS' }, { outcome: 'SUCCESS' }]);
  expect(askedAt).toBe(5000);
  const [, got] = receiver.posts.all;
  expect(got?.headers).toMatchObject({
    'x-marquee-timestamp': '5000',
    'x-marquee-signature': `sha256=${createHmac('sha256', 'hush').update(`5000.${got?.text}`).digest('hex')}`,
  });
});

const retry = (reason: string, ambiguous: boolean, afterMs = 1000): SendResult => ({ outcome: 'RETRY', reason, afterMs, ambiguous });

test.each<[number, Record<string, string>, SendResult]>([
  [200, {}, { outcome: 'SUCCESS' }],
  [299, {}, { outcome: 'SUCCESS' }],
  [400, {}, { outcome: 'FAILED', reason: 'answered 400' }],
  [410, { 'retry-after': '1' }, { outcome: 'FAILED', reason: 'answered 410' }],
  [302, { location: '/elsewhere' }, { outcome: 'FAILED', reason: 'answered 302, and redirects are not followed' }],
  [429, { 'retry-after': '17' }, retry('answered 429', false, 17_000)],
  [503, { 'retry-after': '999999' }, retry('answered 503', false, 3_600_000)],
  [503, {}, retry('answered 503', false)],
  [500, {}, retry('answered 500', true)],
  [502, { 'retry-after': '0' }, retry('answered 502', true)],
])('an answer of %i with %j', async (status, headers, expected) => {
  receiver.behave = answers(status, headers);
  const post = await sender();
  expect(await post()).toEqual(expected);
  expect(receiver.posts.all).toHaveLength(1);
});

test('who breaks off, and who never answers, may have taken it', async () => {
  const post = await sender();
  receiver.behave = breaksOff;
  expect(await post()).toEqual(retry('connection broke off', true));
  receiver.behave = hangs;
  const hasty = await sender({ poster: { timeoutMs: 1000 } });
  expect(await hasty()).toEqual(retry('no answer within 1000 ms', true));
  receiver.behave = answers(204);
  expect(await post()).toEqual({ outcome: 'SUCCESS' });
});

test('the status of an answer without end counts', async () => {
  receiver.behave = (_, response) => {
    response.writeHead(200);
    const more = (): boolean => response.write('x'.repeat(65_536));
    response.on('drain', more);
    more();
  };
  const post = await sender();
  expect(await post()).toEqual({ outcome: 'SUCCESS' });
  receiver.behave = (_, response) => void response.writeHead(500).write('and then nothing');
  const hasty = await sender({ poster: { timeoutMs: 1000 } });
  expect(await hasty()).toEqual(retry('answered 500', true));
});

test('what was never connected was not sent: a name that is looked up for ever, a port that nobody listens on', async () => {
  const never: ResolveName = () => new Promise(() => undefined);
  let asked = 0;
  const gate = (): boolean => {
    asked += 1;
    return true;
  };
  const lost = await sender({ content: { url: 'http://hook.example.test/' }, poster: { timeoutMs: 100, resolve: never } });
  expect(await lost({}, gate)).toEqual(retry('no connection within 100 ms', false));
  const { url } = receiver;
  await receiver.stop();
  const refused = await sender({ content: { url } });
  expect(await refused({}, gate)).toEqual(retry('host refuses the connection', false));
  expect(asked).toBe(0);
  receiver = await HookReceiver.start();
});

test('what was given up before it was connected is not sent when the connection opens at last', async () => {
  let found: (addresses: LookupAddress[]) => void = () => undefined;
  const resolve: ResolveName = () => new Promise((answer) => (found = answer));
  const content = { url: `http://hook.example.test:${receiver.port}/` };
  const post = await sender({ content, poster: { timeoutMs: 1000, allow: 'hook.example.test', resolve, connections: 1 } });
  expect(await post()).toEqual(retry('no connection within 1000 ms', false));
  found([{ address: '127.0.0.1', family: 4 }]);
  await eventually(() => expect(receiver.connections).toBe(1));
  // On the same connection: what was given up would come before it.
  expect(await post({ attempt: 2 })).toEqual({ outcome: 'SUCCESS' });
  expect(receiver.posts.all.map(({ text }) => (JSON.parse(text) as { attempt: number }).attempt)).toEqual([2]);
  expect(receiver.connections).toBe(1);
});

test('an address that is not permitted is refused for good, whether written or looked up', async () => {
  const inside: ResolveName = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
  const refused = (kind: string): SendResult => ({ outcome: 'FAILED', reason: `address is ${kind}: set WEBHOOK_ALLOW to permit it` });
  const written = await sender({ poster: { allow: '' } });
  expect(await written()).toEqual(refused('private (loopback)'));
  const named = await sender({
    content: { url: `http://hook.example.test:${receiver.port}/` },
    poster: { allow: '', resolve: inside },
  });
  expect(await named()).toEqual(refused('private (loopback)'));
  const cloud = await sender({ content: { url: 'http://169.254.169.254/latest/' }, poster: { allow: '0.0.0.0/0' } });
  expect(await cloud()).toEqual(refused('private (link-local)'));
  expect(receiver.connections).toBe(0);
});

test('a poster that is closed ends what is under way at once, and starts nothing more', async () => {
  receiver.behave = hangs;
  const post = await sender();
  const under = post();
  await receiver.posts.first();
  await posters[0]?.close();
  expect(await under).toEqual(retry('the server was stopping', true));
  expect(await post()).toEqual({ outcome: 'NOT_STARTED' });
});

import { randomUUID } from 'node:crypto';
import { type ConfirmChannel, connect } from 'amqplib';
import { createVerifier } from 'fast-jwt';
import Fastify from 'fastify';
import pg from 'pg';
import { clickMessages } from '../clicks/click-messages.js';
import { answerParent } from '../remote.js';

export interface BareServe {
  amqp: string;
  secret: string;
  /** The answer waits for the broker's confirm. */
  waits: boolean;
}

/** The floors of clicks: Fastify, amqplib and pg, and nothing else. */
export type BareClicksMethods = {
  /** `POST /ads/clicks` checks the token and publishes; answers its port. */
  serve: (options: BareServe) => Promise<number>;
  /** Publishes so many on one confirm channel, `window` at most without a confirm (0: as fast as it takes them); answers how long it took, ms. */
  publish: (work: { amqp: string; n: number; window: number; declared?: true }) => Promise<number>;
  /** Inserts so many rows into `clicks`, 500 at a time; answers how long it took, ms. */
  insert: (work: { url: string; n: number }) => Promise<number>;
  /** Empties the queue of clicks. */
  purge: (amqp: string) => Promise<void>;
};

const EXCHANGE = 'stats.events';
const KEY = 'stats.ad.click';
const BATCH = 500;
const OPTIONS = { persistent: true, mandatory: true, contentType: 'application/json', expiration: '86400000' };

interface Body {
  adId: string;
  adType: string;
  messageId?: string;
  campaignId?: string;
}

/** `declared`: the queue is a server's of ours, and stays as it is. */
async function confirmChannel(amqp: string, declared?: true): Promise<{ channel: ConfirmChannel; close: () => Promise<void> }> {
  const model = await connect(amqp, { noDelay: true });
  const channel = await model.createConfirmChannel();
  const close = (): Promise<void> => model.close();
  if (declared) return { channel, close };
  await channel.assertExchange(EXCHANGE, 'topic', { durable: true });
  await channel.assertQueue(KEY, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.bindQueue(KEY, EXCHANGE, KEY);
  return { channel, close };
}

const methods: BareClicksMethods = {
  serve: async ({ amqp, secret, waits }) => {
    const { channel } = await confirmChannel(amqp);
    const verify = createVerifier({ key: secret, algorithms: ['HS256'] }) as (token: string) => { sub: string };
    const app = Fastify();
    app.post<{ Body: Body }>('/ads/clicks', async ({ body, headers, ip }, reply) => {
      const { sub: uid } = verify((headers.authorization ?? '').slice(7));
      const messageId = body.messageId ?? randomUUID();
      const event = { ...body, messageId, uid, clickedAt: String(Date.now()), ip, source: 'api', agent: headers['user-agent'] };
      const content = Buffer.from(JSON.stringify(event));
      const options = { ...OPTIONS, messageId };
      if (!waits) channel.publish(EXCHANGE, KEY, content, options);
      else {
        await new Promise<void>((resolve, reject) => {
          channel.publish(EXCHANGE, KEY, content, options, (error: unknown) =>
            error === null || error === undefined ? resolve() : reject(new Error('not confirmed')),
          );
        });
      }
      return reply.send({ status: 1, code: 'OK' });
    });
    await app.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
    const [address] = app.addresses();
    if (address === undefined || typeof address === 'string') throw new Error('no port was given');
    return address.port;
  },
  publish: async ({ amqp, n, window, declared }) => {
    const { channel, close } = await confirmChannel(amqp, declared);
    const messages = clickMessages(n);
    const began = performance.now();
    const open = { clicks: 0 };
    let room: () => void = () => undefined;
    for (const { messageId, body, process: by, seq } of messages) {
      open.clicks += 1;
      const options = { ...OPTIONS, messageId, correlationId: `${by}-${seq}` };
      const goesOn = channel.publish(EXCHANGE, KEY, Buffer.from(body), options, () => {
        open.clicks -= 1;
        room();
      });
      if (!goesOn) await new Promise<void>((resolve) => channel.once('drain', resolve));
      if (window > 0 && open.clicks >= window) await new Promise<void>((resolve) => (room = resolve));
    }
    await channel.waitForConfirms();
    const tookMs = performance.now() - began;
    await close();
    return tookMs;
  },
  insert: async ({ url, n }) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const events = clickMessages(n).map(({ body }) => JSON.parse(body) as Record<string, string>);
    const began = performance.now();
    for (let from = 0; from < n; from += BATCH) {
      const batch = events.slice(from, from + BATCH);
      const columns = ['messageId', 'clickedAt', 'adId', 'adType', 'campaignId', 'source', 'uid', 'ip', 'agent'];
      await client.query({ name: 'insert', text: INSERT, values: columns.map((name) => batch.map((event) => event[name])) });
    }
    const tookMs = performance.now() - began;
    await client.end();
    return tookMs;
  },
  purge: async (amqp) => {
    const { channel, close } = await confirmChannel(amqp);
    await channel.purgeQueue(KEY);
    await close();
  },
};

const INSERT = `
  insert into clicks (message_id, clicked_at, ad_id, ad_type, campaign_id, source, uid, ip, agent, bot, duplicate)
  select *, false, false from unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[])`;

answerParent(methods);

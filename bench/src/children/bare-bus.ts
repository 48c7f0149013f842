import { performance } from 'node:perf_hooks';
import { connect } from 'amqplib';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { OutsideBusKind } from '../bus-engine.js';
import { answerParent } from '../remote.js';

/** The floor of an outside bus: the bare library publishing batches and consuming them, as many at a time as the server does. */
export type BareBusMethods = {
  /** How long it takes until so many deliveries, in batches, were published, confirmed, consumed and acknowledged, ms. */
  drain: (asked: { kind: OutsideBusKind; url: string; n: number; batch: number }) => Promise<number>;
};

const IN_FLIGHT = 64;
const NAME = 'bench-floor';

/** Of the size of a claim. */
function body(batch: number): string {
  const id = (): string => crypto.randomUUID();
  return JSON.stringify({
    campaignId: id(),
    executionId: id(),
    epoch: 0,
    claimId: id(),
    deliveryIds: Array.from({ length: batch }, () => id()),
  });
}

/** Runs `publish` so many times, some at a time. */
async function publishAll(count: number, publish: () => Promise<unknown>): Promise<void> {
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await publish();
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

async function rabbitmq(url: string, count: number, batch: number): Promise<number> {
  const [publisher, consumer] = await Promise.all([connect(url), connect(url)]);
  try {
    const out = await publisher.createConfirmChannel();
    await out.deleteQueue(NAME);
    await out.assertQueue(NAME, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    const channel = await consumer.createChannel();
    await channel.prefetch(IN_FLIGHT);
    const from = performance.now();
    const consumed = new Promise<void>((resolve) => {
      let got = 0;
      void channel.consume(NAME, (message) => {
        if (message === null) return;
        JSON.parse(message.content.toString());
        channel.ack(message);
        got += 1;
        if (got === count) resolve();
      });
    });
    await publishAll(
      count,
      () =>
        new Promise<void>((resolve, reject) => {
          out.sendToQueue(NAME, Buffer.from(body(batch)), { persistent: true }, (error: unknown) =>
            error === null || error === undefined ? resolve() : reject(new Error('refused')),
          );
        }),
    );
    await consumed;
    return performance.now() - from;
  } finally {
    await Promise.all([publisher.close(), consumer.close()]);
  }
}

async function redis(url: string, count: number, batch: number): Promise<number> {
  const connections = [new Redis(url), new Redis(url, { maxRetriesPerRequest: null })] as const;
  const queue = new Queue(NAME, { connection: connections[0], defaultJobOptions: { removeOnComplete: true } });
  await queue.waitUntilReady();
  let got = 0;
  let all: () => void = () => undefined;
  const consumed = new Promise<void>((resolve) => {
    all = resolve;
  });
  const take = (job: { data: { body: string } }): Promise<void> => {
    JSON.parse(job.data.body);
    return Promise.resolve();
  };
  const worker = new Worker<{ body: string }>(NAME, take, { connection: connections[1], concurrency: IN_FLIGHT });
  worker.on('completed', () => {
    got += 1;
    if (got === count) all();
  });
  try {
    await worker.waitUntilReady();
    const from = performance.now();
    await publishAll(count, () => queue.add('claim', { body: body(batch) }));
    await consumed;
    return performance.now() - from;
  } finally {
    await worker.close();
    await queue.close();
    for (const connection of connections) connection.disconnect();
  }
}

const methods: BareBusMethods = {
  drain: ({ kind, url, n, batch }) => (kind === 'rabbitmq' ? rabbitmq : redis)(url, Math.ceil(n / batch), batch),
};

answerParent(methods);

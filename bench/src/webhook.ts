import { randomUUID } from 'node:crypto';
import { setTimeout as elapsed } from 'node:timers/promises';
import { pathTo } from '@marquee/contracts';
import { Api } from './api.js';
import { importContacts } from './contacts.js';
import type { BarePosterMethods } from './children/bare-poster.js';
import type { HookReceiverMethods, HookTally } from './children/hook-receiver.js';
import { until } from './processes.js';
import { Remote } from './remote.js';
import { report } from './result.js';
import { Scratch } from './scratch.js';
import { startServer } from './server-process.js';
import { alternate, medians, rounded } from './statistics.js';

export interface WebhookOptions {
  n: number;
  connections: number;
  delay: number;
  runs: number;
}

const RUN_MS = 600_000;

/** One campaign to n contacts, one signed post each, against bare undici with as many connections to the same receiver. */
export async function benchWebhook({ n, connections, delay, runs }: WebhookOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const receiver = new Remote<HookReceiverMethods>(scratch, 'hook-receiver.js');
    const url = `http://127.0.0.1:${await receiver.call('start', { delayMs: delay })}/hook`;
    const bare = new Remote<BarePosterMethods>(scratch, 'bare-poster.js');
    const server = await startServer(scratch, { WEBHOOK_CONNECTIONS: String(connections) });
    const api = new Api(server.api);
    await importContacts(api, n);
    const body = bodyLikeOurs();

    const { floors, ours } = await alternate(
      runs,
      async () => {
        const { tookMs, cpuMs } = await bare.call('run', { url, posts: n, connections, body });
        const tally = await receiver.call('take', null);
        return { perSecond: rounded((n * 1000) / tookMs), clientCpuMs: rounded(cpuMs), ...ofReceiver(tally) };
      },
      async () => {
        await server.usage();
        const tookMs = await sendToAll(api, url, n);
        const usage = await server.usage();
        const tally = await receiver.call('take', null);
        return { perSecond: rounded((n * 1000) / tookMs), ...usage, ...ofReceiver(tally) };
      },
    );
    const [under, own] = [medians(floors), medians(ours)];
    await report({
      bench: 'webhook',
      options: { n, connections, delay, runs },
      ours: own,
      floor: under,
      ratio: { rate: rounded(own.perSecond / under.perSecond) },
      targets: {
        'at least 60 % of the rate of the floor': own.perSecond >= 0.6 * under.perSecond,
        'every contact exactly one post': ours.every(({ posts, keys }) => posts === n && keys === n),
        'no more at once than connections': ours.every(({ mostAtOnce }) => mostAtOnce <= connections),
      },
      runs: { floors, ours },
    });
  });
}

function ofReceiver(tally: HookTally): HookTally {
  return { ...tally, cpuMs: rounded(tally.cpuMs) };
}

/** From the dispatch until every delivery is settled, targeting included, ms. */
async function sendToAll(api: Api, url: string, n: number): Promise<number> {
  const content = { url, secret: 'a secret of the bench', data: { text: 'what every recipient is told' } };
  const { id } = await api.create({ name: 'Bench', idempotencyKey: randomUUID(), channel: 'webhook', audience: { all: true }, content });
  await until('the campaign to be ready', RUN_MS, async () => (await api.campaign(id)).status === 'ready');
  const began = performance.now();
  const reply = await fetch(api.url + pathTo('dispatch', id), { method: 'POST' });
  if (!reply.ok) throw new Error(`it was not dispatched: ${reply.status} ${await reply.text()}`);
  await reply.body?.cancel();
  await until('every delivery to be settled', RUN_MS, async () => {
    // Who asks more often is a load of its own.
    await elapsed(50);
    const { counts } = await api.campaign(id);
    if (counts.FAILED > 0) throw new Error(`${counts.FAILED} posts failed`);
    return counts.SUCCESS === n;
  });
  return performance.now() - began;
}

/** As long as one of ours. */
function bodyLikeOurs(): string {
  const [campaignId, executionId, deliveryId] = [randomUUID(), randomUUID(), randomUUID()];
  const recipient = { id: 'c-12345', email: 'c-12345@example.com', attributes: { plan: 'gold' }, tags: ['bench'] };
  const data = { text: 'what every recipient is told' };
  return JSON.stringify({ campaignId, executionId, deliveryId, epoch: 0, attempt: 1, recipient, data });
}

import { randomUUID } from 'node:crypto';
import { pathTo } from '@marquee/contracts';
import { Api } from './api.js';
import { importLines } from './contacts.js';
import type { HookReceiverMethods } from './children/hook-receiver.js';
import { until } from './processes.js';
import { Remote } from './remote.js';
import { report } from './result.js';
import { Scratch } from './scratch.js';
import { startServer, startWorker } from './server-process.js';
import { rounded } from './statistics.js';

export interface RateOptions {
  seconds: number;
  workers: number;
}

const RATES = [100, 1000, 5000];
const RUN_MS = 600_000;
/** What a receiver takes for an answer, ms. */
const DELAY_MS = 1;

/** Webhook campaigns that keep a rate, sent by several processes to one receiver, which says how many it was and what its fullest second held. */
export async function benchRate({ seconds, workers }: RateOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const receiver = new Remote<HookReceiverMethods>(scratch, 'hook-receiver.js');
    const url = `http://127.0.0.1:${await receiver.call('start', { delayMs: DELAY_MS })}/hook`;
    const server = await startServer(scratch);
    for (let worker = 1; worker < workers; worker += 1) await startWorker(scratch, server);
    const api = new Api(server.api);
    await importTagged(api, seconds);
    const ours: { perSecond: number; used: number; mostInASecond: number; posts: number; keys: number }[] = [];
    for (const perSecond of RATES) {
      const tookMs = await send(api, url, perSecond, perSecond * seconds);
      const { posts, keys, spanMs, mostInASecond } = await receiver.call('take', null);
      const achieved = ((posts - 1) * 1000) / spanMs;
      ours.push({ perSecond: rounded(achieved), used: rounded(achieved / perSecond), mostInASecond, posts, keys });
      process.stderr.write(`${perSecond}/s: ${JSON.stringify({ ...ours.at(-1), tookMs: rounded(tookMs) })}\n`);
    }
    const of = (pick: (run: (typeof ours)[number]) => number): Record<string, number> =>
      Object.fromEntries(
        RATES.map((rate, index) => [`at${rate}`, pick(ours[index] ?? { perSecond: 0, used: 0, mostInASecond: 0, posts: 0, keys: 0 })]),
      );
    await report({
      bench: 'rate',
      options: { seconds, workers },
      ours: {
        ...of((run) => run.perSecond),
        ...Object.fromEntries(RATES.map((rate, index) => [`worst${rate}`, ours[index]?.mostInASecond ?? 0])),
      },
      // What was asked for: nothing sends more than that without breaking its word.
      floor: Object.fromEntries(RATES.map((rate) => [`at${rate}`, rate])),
      ratio: of((run) => run.used),
      targets: {
        'no second above the rate': ours.every((run, index) => run.mostInASecond <= (RATES[index] ?? 0)),
        'at least 95 % of the rate': ours.every(({ used }) => used >= 0.95),
        'every contact exactly one post': ours.every(({ posts, keys }, index) => posts === (RATES[index] ?? 0) * seconds && keys === posts),
      },
      runs: { floors: [], ours },
    });
  });
}

/** Contacts for each rate, told apart by a tag. */
async function importTagged(api: Api, seconds: number): Promise<void> {
  for (const rate of RATES) {
    const contacts = Array.from({ length: rate * seconds }, (_, index) => ({ id: `r${rate}-${index}`, tags: [`r${rate}`] }));
    await importLines(api, contacts);
  }
}

/** From the dispatch until every delivery is settled, ms. */
async function send(api: Api, url: string, perSecond: number, n: number): Promise<number> {
  const { id } = await api.create({
    name: 'Bench',
    idempotencyKey: randomUUID(),
    channel: 'webhook',
    audience: { tags: { any: [`r${perSecond}`] } },
    content: { url },
    rate: { perSecond },
  });
  await until('the campaign to be ready', RUN_MS, async () => (await api.campaign(id)).status === 'ready');
  const began = performance.now();
  await api.post(pathTo('dispatch', id));
  await until('every delivery to be settled', RUN_MS, async () => (await api.campaign(id)).counts.SUCCESS === n);
  return performance.now() - began;
}

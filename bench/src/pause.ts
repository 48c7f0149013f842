import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Api } from './api.js';
import { arrivedWhilePaused, Pauses, startedWhilePaused } from './chaos/pauses.js';
import type { HookLogMethods, HookPost } from './children/hook-log.js';
import { importContacts } from './contacts.js';
import { until } from './processes.js';
import { Remote } from './remote.js';
import { report } from './result.js';
import { Scratch } from './scratch.js';
import { startServer, startWorker } from './server-process.js';
import { percentile, rounded } from './statistics.js';

export interface PauseOptions {
  pauses: number;
  workers: number;
  rate: number;
}

const ANSWER_MS = 5;
const HOLD_MS = 60;
const BETWEEN_MS = 150;
const SENDING_MS = 30_000;
/** For which there is enough left to send. */
const MOST_ANSWER_MS = 100;

/** Pauses a webhook campaign again and again in the middle of its sends, and looks at the receiver for what started nevertheless. */
export async function benchPause(options: PauseOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const receiver = new Remote<HookLogMethods>(scratch, 'hook-log.js');
    const { api, id } = await startSending(scratch, receiver, options);
    const pauses = new Pauses(api, id);
    const bare: number[] = [];
    for (let pause = 0; pause < options.pauses; pause += 1) {
      bare.push(await timeOfAnswer(api));
      await sending(api, id);
      await delay(BETWEEN_MS);
      await pauses.once(HOLD_MS);
    }
    const ours = figures(pauses, await receiver.call('take', null));
    const floor = { p50Ms: rounded(percentile(bare, 0.5)), p99Ms: rounded(percentile(bare, 0.99)) };
    const bar = options.workers > 2 ? 120 : 50;
    await report({
      bench: 'pause',
      variant: String(options.workers),
      options: { ...options },
      ours,
      floor,
      ratio: { p50: rounded(ours.p50Ms / floor.p50Ms) },
      targets: {
        '0 starts after the answer': ours.startedAfter === 0 && ours.arrivedLate === 0,
        [`p99 of the answer under ${bar} ms`]: ours.p99Ms < bar,
        'all confirmed': ours.unconfirmed === 0,
      },
      runs: { floors: [], ours: pauses.pauses.map(({ answerMs }) => rounded(answerMs)) },
    });
  });
}

/** A campaign that is being sent by so many workers at so many a second. */
async function startSending(
  scratch: Scratch,
  receiver: Remote<HookLogMethods>,
  { pauses, workers, rate }: PauseOptions,
): Promise<{ api: Api; id: string }> {
  const url = `http://127.0.0.1:${await receiver.call('start', { delayMs: ANSWER_MS, trouble: 0 })}/`;
  const server = await startServer(scratch, { ROLES: 'api,dispatch,gateway' });
  for (let worker = 0; worker < workers; worker += 1) await startWorker(scratch, server);
  const api = new Api(server.api);
  await importContacts(api, rate * 2 + Math.ceil((rate * pauses * (BETWEEN_MS + MOST_ANSWER_MS)) / 1000));
  const { id } = await api.post<{ id: string }>('/campaigns', {
    name: 'Bench',
    idempotencyKey: randomUUID(),
    channel: 'webhook',
    audience: { all: true },
    content: { url },
    rate: { perSecond: rate },
  });
  await api.post(`/campaigns/${id}/dispatch`);
  await sending(api, id);
  return { api, id };
}

/** Resolves when more is sent: the moments that were reserved when it was paused are lost, so it takes a while to go on. */
async function sending(api: Api, id: string): Promise<void> {
  const before = (await api.campaign(id)).counts.SUCCESS;
  await until('sends', SENDING_MS, async () => (await api.campaign(id)).counts.SUCCESS > before);
}

async function timeOfAnswer(api: Api): Promise<number> {
  const from = performance.now();
  await (await fetch(`${api.url}/time`)).text();
  return performance.now() - from;
}

function figures({ pauses, unconfirmed }: Pauses, posts: HookPost[]) {
  // Every other one waits until what is mid-air has ended.
  const ofAnswers = (parity: number, share: number): number =>
    rounded(
      percentile(
        pauses.filter((_, index) => index % 2 === parity).map(({ answerMs }) => answerMs),
        share,
      ),
    );
  return {
    p50Ms: ofAnswers(0, 0.5),
    p99Ms: ofAnswers(0, 0.99),
    p99WithWaitMs: ofAnswers(1, 0.99),
    startedAfter: posts.filter((post) => startedWhilePaused(post, pauses)).length,
    arrivedLate: posts.filter((post) => arrivedWhilePaused(post, pauses)).length,
    unconfirmed,
    posts: posts.length,
  };
}

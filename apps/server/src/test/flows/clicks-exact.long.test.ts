import { randomUUID } from 'node:crypto';
import type { ClickLedger } from '@marquee/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { JWT_SECRET, sendClick } from '../support/click-client.js';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { Gate } from '../support/gate.js';
import type { HttpClient } from '../support/http-client.js';
import { Processes } from '../support/processes.js';

/** A loaded machine takes its time. */
const SOON_MS = 120_000;
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
}, 120_000);

const rawOf = async (http: HttpClient, adId: string): Promise<number> =>
  ((await http.read(`/clicks/stats?adId=${adId}`)) as { total: { raw: number } }).total.raw;
const ledgerOf = async (http: HttpClient): Promise<ClickLedger> => (await http.read('/clicks/ledger')) as ClickLedger;

/** Clicks of as many users; answers how many were told OK. The others were told 503. */
async function send(http: HttpClient, adId: string, ids: readonly string[]): Promise<number> {
  const answers = await Promise.all(ids.map((messageId, at) => sendClick(http, { adId, messageId }, `user-${at}`)));
  for (const { status, text } of answers) expect([200, 503], text).toContain(status);
  return answers.filter(({ status }) => status === 200).length;
}

const newIds = (n: number): string[] => Array.from({ length: n }, () => randomUUID());

describe('clicks while the database is away, which is their broker and their fallback too', { timeout: 400_000 }, () => {
  it('are counted exactly when it is back, and the ledger balances', async () => {
    let gate: Gate | undefined;
    const flow = await Flow.start({ JWT_SECRET, CLICK_MEMORY: '300' }, async (database) => {
      const url = new URL(database);
      gate = await Gate.before(url.hostname, Number(url.port));
      url.host = `127.0.0.1:${gate.port}`;
      return url.href;
    });
    ends.push(
      async () => await gate?.shut(),
      () => flow.stop(),
    );
    const { http } = flow;
    expect(await send(http, 'away', newIds(50))).toBe(50);
    // From then on it may answer at once.
    await eventually(
      async () => expect((await flow.sql(`select said->'counters'->>'accepted' as n from click_processes`))[0]).toEqual({ n: '50' }),
      SOON_MS,
    );

    await gate?.shut();
    // Until its memory is full; what it does not take it says so.
    const oks = await send(http, 'away', newIds(400));
    expect(oks).toBeGreaterThan(0);
    expect(oks).toBeLessThanOrEqual(300);
    expect(await http.read('/clicks/status')).toMatchObject({
      publisher: { memory: oks, bound: 300 },
      counters: { overloaded: 400 - oks },
    });

    await gate?.open();
    await eventually(async () => expect(await rawOf(http, 'away')).toBe(50 + oks), SOON_MS);
    await eventually(
      async () =>
        expect(await ledgerOf(http)).toMatchObject({ total: { accepted: 50 + oks, stored: 50 + oks, missing: 0 }, balanced: true }),
      SOON_MS,
    );
    expect((await ledgerOf(http)).total.rejected).toEqual({ overloaded: 400 - oks });
  });
});

describe('two processes with the role clicks', { timeout: 500_000 }, () => {
  it('count each click once, whichever was told of it, also when one of them is killed', async () => {
    const processes = await Processes.at({ JWT_SECRET, CLICK_ACK: 'durable' });
    ends.push(() => processes.stop());
    const first = await processes.start();
    const second = await processes.start('api,clicks');
    const [own, others, both] = [newIds(100), newIds(100), newIds(100)];
    const told = await Promise.all([
      send(first.http, 'side', own),
      send(second.http, 'side', others),
      send(first.http, 'side', both),
      send(second.http, 'side', both),
    ]);
    expect(told).toEqual([100, 100, 100, 100]);
    await second.kill();
    await eventually(async () => expect(await rawOf(first.http, 'side')).toBe(300), SOON_MS);
    // What the killed one had not said of its last 100 ms is stored all the same.
    await eventually(
      async () =>
        expect(await ledgerOf(first.http)).toMatchObject({ total: { stored: 300 }, lost: { atLeast: 0, atMost: 0 }, balanced: true }),
      SOON_MS,
    );
  });
});

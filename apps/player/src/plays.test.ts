import type { Play, ScreenEvent } from '@marquee/contracts/player';
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Outbox } from './outbox.js';
import { PlayLog } from './plays.js';
import type { Act } from './stage-frame.js';
import { Store } from './store.js';
import { eventually } from './test/eventually.js';

const START = 1_700_000_000_000;

function act(campaignId: string, assetIds: string[] = ['a', 'b']): Act {
  const none = (): Promise<undefined> => Promise.resolve(undefined);
  return { key: campaignId, campaignId, version: 3, assetIds: new Set(assetIds), html: none, asset: none, qr: () => undefined };
}
const brief = (plays: Play[]): unknown[] => plays.map((play) => [play.assetId, play.startedAt - START, play.durationMs]);

describe('proof of play', () => {
  let store: Store;
  let outbox: Outbox;
  let log: PlayLog;
  let sent: ScreenEvent[];

  beforeEach(async () => {
    vi.stubGlobal('IDBKeyRange', IDBKeyRange);
    vi.useFakeTimers({ now: START, toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] });
    store = await Store.open('d', new IDBFactory());
    sent = [];
    await life();
  });
  afterEach(() => {
    log.stop();
    store.close();
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  /** A new life of the page, on the same storage. */
  async function life(): Promise<void> {
    const clock = { now: () => Date.now() };
    outbox = new Outbox('d', store, clock);
    await outbox.load();
    log = new PlayLog(store, outbox, clock, () => Date.now());
    await log.begin();
  }
  const connect = (): void => outbox.connect((event) => Promise.resolve(void sent.push(event)));
  const written = async (): Promise<Play[]> => (await store.plays(10_000)).plays;
  const playsOf = ({ payload }: ScreenEvent): Play[] => (payload?.['plays'] ?? []) as Play[];
  const told = (): Play[] => sent.flatMap(playsOf);
  const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

  it('writes down each slide when it ends, from the moment it was in the display', async () => {
    const show = act('c');
    log.appeared(show);
    await pass(20);
    log.slide(show, 'a');
    await pass(4_980);
    log.slide(show, 'b');
    await pass(3_000);
    log.slide(show, 'a');
    await pass(1_000);
    log.end();
    expect(await written()).toEqual([
      { campaignId: 'c', version: 3, assetId: 'a', startedAt: START, durationMs: 5_000 },
      { campaignId: 'c', version: 3, assetId: 'b', startedAt: START + 5_000, durationMs: 3_000 },
      { campaignId: 'c', version: 3, assetId: 'a', startedAt: START + 8_000, durationMs: 1_000 },
    ]);
  });

  it('writes down one play a showing of a template that tells nothing, in pieces of an hour', async () => {
    log.appeared(act('c', []));
    await pass(7_000);
    log.appeared(act('d', []));
    await pass(3_600_000 + 60_000);
    log.end();
    expect(brief(await written())).toEqual([
      ['', 0, 7_000],
      ['', 7_000, 3_600_000 + 3_000],
      ['', 3_610_000, 57_000],
    ]);
  });

  it('hears only of what is in the display, and not more often than an eye could see', async () => {
    const show = act('c');
    log.slide(show, 'a');
    log.appeared(show);
    log.slide(act('d'), 'b');
    for (let at = 0; at < 1_000; at += 10) {
      log.slide(show, at % 20 === 0 ? 'a' : 'b');
      await pass(10);
    }
    log.end();
    expect((await written()).length).toBeLessThanOrEqual(10);
    log.appeared(show);
    await pass(50);
    log.end();
    expect((await written()).filter(({ durationMs }) => durationMs < 100)).toEqual([]);
  });

  it('knows after a power cut how far the last showing had come, once', async () => {
    log.appeared(act('c'));
    await pass(12_000);
    log.stop();
    await life();
    expect(brief(await written())).toEqual([['', 0, 10_000]]);
    log.stop();
    await life();
    expect(await written()).toHaveLength(1);
    // What was written down in time is not taken up again.
    log.appeared(act('c'));
    await pass(6_000);
    log.end();
    await life();
    expect(await written()).toHaveLength(2);
  });

  it('tells once a minute, in one event, and no play twice', async () => {
    // At 75 s, and every minute after that.
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    log.stop();
    await life();
    connect();
    const show = act('c');
    for (let turn = 0; turn < 50; turn += 1) {
      log.appeared(show);
      await pass(4_000);
      await written();
    }
    await eventually(() => expect(sent).toHaveLength(3));
    expect(sent[0]).toMatchObject({ eventType: 'PLAY_LOG', deviceId: 'd', campaignId: 'c', version: 3 });
    log.end();
    const left = await written();
    expect(new Set([...told(), ...left].map(({ startedAt }) => startedAt)).size).toBe(50);
    expect(told().length + left.length).toBe(50);
  });

  it('keeps what was shown offline, and tells it in messages that a broker takes', async () => {
    const asset = 'x'.repeat(1_000);
    for (let n = 0; n < 400; n += 1) {
      await store.addPlay({ campaignId: `c${n}`, version: 1, assetId: asset, startedAt: START + n, durationMs: 500 });
    }
    await pass(300_000);
    expect([await written(), sent].map(({ length }) => length)).toEqual([400, 0]);
    log.stop();
    await life();
    connect();
    await pass(90_000);
    await eventually(() => expect(told()).toHaveLength(400));
    expect(told().map(({ startedAt }) => startedAt - START)).toEqual(Array.from({ length: 400 }, (_, n) => n));
    for (const event of sent) expect(JSON.stringify(event).length).toBeLessThan(200_000);
    for (const event of sent) expect(event.campaignId).toBe(playsOf(event)[0]?.campaignId);
    expect(await written()).toEqual([]);
  });

  it('tells no play twice though two hand it over at once', async () => {
    const noise = vi.spyOn(console, 'error').mockReturnValue();
    connect();
    await store.addPlay({ campaignId: 'c', version: 1, assetId: 'a', startedAt: START, durationMs: 500 });
    const other = new PlayLog(store, outbox, { now: () => Date.now() });
    await Promise.all([log.send(), other.send()]);
    await eventually(() => expect(sent).toHaveLength(1));
    await eventually(async () => expect(await store.events()).toEqual([]));
    expect(told()).toHaveLength(1);
    expect(noise).toHaveBeenCalledOnce();
  });

  it('leaves plays where they are when they cannot be handed over', async () => {
    const noise = vi.spyOn(console, 'error').mockReturnValue();
    connect();
    await store.addPlay({ campaignId: 'c', version: 1, assetId: 'a', startedAt: START, durationMs: 500 });
    const append = vi.spyOn(store, 'append').mockRejectedValueOnce(new Error('full'));
    await log.send();
    expect([sent, await written()].map(({ length }) => length)).toEqual([0, 1]);
    append.mockRestore();
    await log.send();
    await eventually(() => expect(sent).toHaveLength(1));
    expect(await written()).toEqual([]);
    noise.mockRestore();
  });

  it('forgets the oldest beyond its bound', async () => {
    for (let n = 0; n < 5; n += 1) await store.addPlay({ campaignId: 'c', version: 1, assetId: 'a', startedAt: n, durationMs: 500 });
    await store.trimPlays(3);
    expect((await written()).map(({ startedAt }) => startedAt)).toEqual([2, 3, 4]);
    await store.trimPlays(3);
    expect(await written()).toHaveLength(3);
  });
});

import type { ScreenEventType } from '@marquee/contracts/player';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Library } from './library.js';
import type { Outbox } from './outbox.js';
import { Programme } from './programme.js';
import type { Shown } from './stage.js';
import type { Act } from './stage-frame.js';
import type { Installed, Showing } from './store.js';

const START = 1_700_000_000_000;

/** Every act that was asked for. */
const acts: Act[] = [];

/** A stage that shows at once what it is asked for, unless it is told otherwise. */
class FakeStage {
  showing: string | undefined;
  prepared: string | undefined;
  outcome: Shown = 'shown';
  prepare(act: Act): Promise<undefined> {
    this.prepared = act.key;
    return Promise.resolve(undefined);
  }
  show(act: Act): Promise<Shown> {
    acts.push(act);
    if (this.outcome === 'shown') this.showing = act.key;
    return Promise.resolve(this.outcome);
  }
  clear(): void {
    this.showing = undefined;
  }
  dismiss(): void {
    this.prepared = undefined;
  }
}

describe('the programme', () => {
  let installed: Installed[];
  let said: string[];
  let stage: FakeStage;
  let programme: Programme;
  let left: Showing[];
  const discarded: string[] = [];

  beforeEach(() => {
    vi.useFakeTimers({ now: START, toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    installed = [];
    said = [];
    left = [];
    discarded.length = 0;
    acts.length = 0;
    stage = new FakeStage();
    const library: Pick<Library, 'campaigns' | 'expire' | 'discard'> = {
      get campaigns() {
        return installed;
      },
      expire: () => {
        installed = installed.filter(({ offer }) => offer.expireAt > Date.now());
      },
      discard: ({ campaignId }) => Promise.resolve(void discarded.push(campaignId)),
    };
    const outbox: Pick<Outbox, 'record' | 'recordError'> = {
      recordError: ({ campaignId }, reason) => Promise.resolve(void said.push(`ERROR ${campaignId} ${reason}`)),
      record: (type: ScreenEventType, { campaignId, version }, payload, onAir) => {
        left = onAir ?? left;
        said.push(`${type} ${campaignId}${version} +${Date.now() - START}${payload === undefined ? '' : ` ${JSON.stringify(payload)}`}`);
        return Promise.resolve();
      },
    };
    const store = {
      template: () => Promise.resolve(undefined),
      media: () => Promise.resolve(undefined),
      onAir: () => Promise.resolve(left),
    };
    const clock = { now: () => Date.now() };
    programme = new Programme(library as Library, store, stage, outbox as Outbox, clock, 'lobby-1', () => undefined);
  });
  afterEach(() => {
    programme.stop();
    vi.useRealTimers();
  });

  function add(campaignId: string, from: number, to: number, over: Partial<Installed['offer']> = {}): void {
    const offer = {
      campaignId,
      version: 1,
      startAt: START + from,
      expireAt: START + to,
      templateUrl: '',
      templateChecksum: '',
      assets: [],
      loopMs: 1_000,
      priority: 0,
      window: undefined,
      ...over,
    };
    installed.push({ campaignId, offer, media: {}, missing: [], installedAt: 7 });
  }
  const shown = (): string | undefined => stage.showing?.split(' ')[0];

  it('starts and ends on the millisecond, prepared shortly before', async () => {
    add('a', 60_000, 90_000);
    await programme.begin();
    await vi.advanceTimersByTimeAsync(57_499);
    expect([stage.prepared, shown()]).toEqual([undefined, undefined]);
    await vi.advanceTimersByTimeAsync(1);
    expect(stage.prepared).toBe('a 1 7');
    await vi.advanceTimersByTimeAsync(2_499);
    expect(shown()).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(shown()).toBe('a');
    await vi.advanceTimersByTimeAsync(30_000);
    expect(shown()).toBeUndefined();
    expect(said).toEqual(['DISPLAY_START a1 +60000', 'DISPLAY_COMPLETE a1 +90000']);
  });

  it('does not start now what starts in 30 days', async () => {
    const days = 30 * 24 * 3_600_000;
    add('a', days, days + 1_000);
    await programme.begin();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(shown()).toBeUndefined();
    // Asleep until just before it.
    vi.setSystemTime(START + days - 2_500);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(said[0]).toBe(`DISPLAY_START a1 +${days}`);
  });

  it('notices within a second that the clock was set', async () => {
    add('a', 3_600_000, 7_200_000);
    await programme.begin();
    vi.setSystemTime(START + 3_700_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(shown()).toBe('a');
    vi.setSystemTime(START);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(shown()).toBeUndefined();
  });

  it('reports each of two equals once, not at each turn, and both as over when a higher one comes', async () => {
    add('a', 0, 60_000);
    add('b', 0, 60_000);
    await programme.begin();
    await vi.advanceTimersByTimeAsync(5_500);
    expect(said.toSorted()).toEqual(['DISPLAY_START a1 +0', 'DISPLAY_START b1 +1000']);
    said = [];
    add('top', 0, 60_000, { priority: 1 });
    programme.refresh();
    await vi.advanceTimersByTimeAsync(0);
    expect(shown()).toBe('top');
    expect(said.toSorted()).toEqual(['DISPLAY_COMPLETE a1 +5500', 'DISPLAY_COMPLETE b1 +5500', 'DISPLAY_START top1 +5500']);
  });

  it('takes off at once what was removed, and reports a new version as another showing', async () => {
    add('a', 0, 60_000);
    await programme.begin();
    await vi.advanceTimersByTimeAsync(10);
    installed = [];
    add('a', 0, 60_000, { version: 2 });
    programme.refresh();
    // The old version stands until the new one is ready.
    expect(shown()).toBe('a');
    await vi.advanceTimersByTimeAsync(0);
    installed = [];
    programme.refresh();
    expect(shown()).toBeUndefined();
    expect(said.map((line) => line.split(' +')[0])).toEqual([
      'DISPLAY_START a1',
      'DISPLAY_COMPLETE a1',
      'DISPLAY_START a2',
      'DISPLAY_COMPLETE a2',
    ]);
  });

  it('closes the showings that an earlier life of the page left open', async () => {
    left = [
      { campaignId: 'x', version: 1 },
      { campaignId: 'y', version: 2 },
    ];
    await programme.begin();
    expect(said).toEqual(['DISPLAY_COMPLETE x1 +0 {"interrupted":true}', 'DISPLAY_COMPLETE y2 +0 {"interrupted":true}']);
    expect(left).toEqual([]);
  });

  it('does not report what was not shown, and gives up what cannot be', async () => {
    add('a', 0, 60_000);
    stage.outcome = 'superseded';
    await programme.begin();
    await vi.advanceTimersByTimeAsync(20_000);
    expect([said, discarded]).toEqual([[], []]);
    add('b', 0, 60_000, { priority: 1 });
    stage.outcome = 'gone';
    programme.refresh();
    await vi.advanceTimersByTimeAsync(0);
    expect([said, discarded]).toEqual([[], ['b']]);
  });

  it('takes an act that broke the rules off the air until it is installed anew', async () => {
    add('a', 0, 60_000);
    add('b', 0, 60_000, { priority: -1 });
    await programme.begin();
    await vi.advanceTimersByTimeAsync(10);
    const [first] = acts;
    if (first === undefined) throw new Error('nothing was shown');
    stage.clear();
    programme.bench(first, 'it left');
    await vi.advanceTimersByTimeAsync(5_000);
    expect(shown()).toBe('b');
    expect(programme.benched).toEqual(['a']);
    expect(said).toEqual(['DISPLAY_START a1 +0', 'ERROR a it left', 'DISPLAY_COMPLETE a1 +10', 'DISPLAY_START b1 +10']);
    const again = installed[0];
    if (again !== undefined) installed[0] = { ...again, installedAt: 8 };
    await vi.advanceTimersByTimeAsync(1_000);
    expect([shown(), programme.benched]).toEqual(['a', []]);
  });
});

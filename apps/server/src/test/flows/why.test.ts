import { randomUUID } from 'node:crypto';
import { type CreateCampaignInput, ROUTES, type ScreenAudience, screenAudience, type WhyView, whyView } from '@marquee/contracts';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countAudience } from '../../audience/audience.store.js';
import { silentLog } from '../../kit/log.js';
import { missedBy } from '../../screens/why/words.js';
import { Database } from '../../store/database.js';
import { audienceArguments } from '../../store/screen-audience.js';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { marquee, type Ran } from '../support/marquee.js';
import type { TestScreen } from '../support/test-screen.js';

const HOUR = 3_600_000;

let flow: Flow;
beforeAll(async () => {
  flow = await Flow.start();
});
afterAll(() => flow.stop());

async function ask(campaignId: string, deviceId: string): Promise<WhyView> {
  const answer = await flow.http.get(`${ROUTES.why.replace(':id', campaignId)}?deviceId=${encodeURIComponent(deviceId)}`);
  expect(answer.status, answer.text).toBe(200);
  return whyView.parse(answer.json());
}

/** A campaign for that screen alone. */
async function given(screen: TestScreen | string, more: Partial<CreateCampaignInput> = {}): Promise<string> {
  const id = typeof screen === 'string' ? screen : screen.deviceId;
  return (await flow.create({ audience: { ids: [id] }, ...more })).id;
}

/** A screen that has installed a campaign of its own. */
async function installed(deviceId: string, more: Partial<CreateCampaignInput> = {}): Promise<{ screen: TestScreen; campaign: string }> {
  const screen = await flow.screen(deviceId);
  const campaign = await given(screen, more);
  await eventually(async () => expect((await ask(campaign, deviceId)).facts.heldVersion).toBe(1));
  return { screen, campaign };
}

describe('why a campaign is not playing', () => {
  test('tells of the execution that runs, not of a later one that never started', async () => {
    const { campaign } = await installed('skipped-after');
    await flow.sql(
      `insert into executions (id, campaign_id, scheduled_for, state, reason) values ($1, $2, $3, 'SKIPPED', 'an earlier execution was still live')`,
      [randomUUID(), campaign, Date.now() + HOUR],
    );
    expect(await ask(campaign, 'skipped-after')).toMatchObject({ reason: 'should_play', facts: { heldVersion: 1 } });
  });

  test('follows it from the request to the screen and off it again', async () => {
    const { screen, campaign } = await installed('life');
    expect(await ask(campaign, 'life')).toMatchObject({ playing: false, reason: 'should_play' });
    const { timestamp } = await screen.say('DISPLAY_START', campaign);
    await eventually(async () => expect(await ask(campaign, 'life')).toMatchObject({ playing: true, reason: 'playing', since: timestamp }));
    await screen.vanish();
    await eventually(async () => expect(await ask(campaign, 'life')).toMatchObject({ playing: false, reason: 'offline' }));
    expect((await ask(campaign, 'life')).sentence).toContain('it goes on by itself');
    await flow.http.post(`/campaigns/${campaign}/cancel`);
    expect(await ask(campaign, 'life')).toMatchObject({ playing: false, reason: 'cancelled' });
    await flow.screen('life', { installed: [{ campaignId: campaign, version: 1 }] });
    await eventually(async () => expect(await ask(campaign, 'life')).toMatchObject({ reason: 'revoked' }));
  });

  test('names what the audience asks for and the screen is not', async () => {
    const screen = await flow.screen('lobby-1');
    await eventually(async () => expect((await flow.http.get('/screens/lobby-1')).status).toBe(200));
    const campaign = (await flow.create({ audience: { groups: ['windows'] } })).id;
    const answer = await ask(campaign, screen.deviceId);
    expect(answer).toMatchObject({ reason: 'not_targeted', sentence: expect.stringContaining('“windows”, and the screen is in no group') });
    expect(await ask(campaign, 'no-such')).toMatchObject({ reason: 'unknown_screen', facts: { screenStatus: null } });
  });

  test('tells the install error of the screen, and that it is offline before that', async () => {
    const screen = await flow.screen('broken', { answers: false });
    const campaign = await given(screen);
    await screen.manifests.first();
    await eventually(async () => expect(await ask(campaign, 'broken')).toMatchObject({ reason: 'not_acknowledged' }));
    await screen.say('ERROR', campaign, { payload: { reason: 'a.png: checksum differs' } });
    const error = { reason: 'not_installed', sentence: expect.stringContaining('a.png: checksum differs') };
    await eventually(async () => expect(await ask(campaign, 'broken')).toMatchObject(error));
    await screen.vanish();
    await eventually(async () =>
      expect(await ask(campaign, 'broken')).toMatchObject({ reason: 'offline', facts: { also: [error.sentence] } }),
    );
  });

  test('says that a screen has no room, as the screen says', async () => {
    const screen = await flow.screen('full', { answers: false });
    const campaign = await given(screen);
    const status = {
      deviceId: 'full',
      status: 'online',
      timestamp: Date.now(),
      lacks: ['free_storage'],
      storage: { usedBytes: 2e9, quotaBytes: 2e9 },
    };
    await screen.publish('status', JSON.stringify(status), true);
    const full = { reason: 'storage_full', sentence: 'The screen has no room left for the campaign (2000 MB of 2000 MB used).' };
    await eventually(async () => expect(await ask(campaign, 'full')).toMatchObject(full));
  });

  test('names the campaign that has the screen, also one that was cancelled and is not off it yet', async () => {
    const { screen, campaign } = await installed('busy', { name: 'Everyday' });
    const sale = await given(screen, { name: 'Sale', priority: 5, expireAt: Date.now() + HOUR });
    await given('busy', { name: 'Not installed yet', priority: 9, startAt: Date.now() + HOUR, expireAt: Date.now() + 2 * HOUR });
    const outranked = { reason: 'outranked', facts: { rival: { campaignId: sale, name: 'Sale', priority: 5 } } };
    await eventually(async () => expect(await ask(campaign, 'busy')).toMatchObject(outranked));
    await screen.vanish();
    await eventually(async () => expect((await ask(campaign, 'busy')).facts.screenStatus).toBe('offline'));
    await flow.http.post(`/campaigns/${sale}/cancel`);
    await eventually(async () => expect((await ask(campaign, 'busy')).facts.rival).toMatchObject({ name: 'Sale' }));
    await flow.screen('busy', {
      installed: [
        { campaignId: sale, version: 1 },
        { campaignId: campaign, version: 1 },
      ],
    });
    await eventually(async () => expect(await ask(campaign, 'busy')).toMatchObject({ reason: 'should_play', facts: { rival: null } }));
  });

  test('goes by the version that a screen has, not by the one that it should have', async () => {
    const screen = await flow.screen('edited', { answers: false });
    const campaign = await given(screen);
    const sale = await given(screen, { name: 'Sale', priority: 5 });
    for (const id of [campaign, sale]) {
      await screen.manifests.first((manifest) => manifest.campaignId === id);
      await screen.say('INSTALL_ACK', id);
    }
    await eventually(async () => expect(await ask(campaign, 'edited')).toMatchObject({ reason: 'outranked' }));
    const { name, startAt, expireAt, metadata, window, assets } = await flow.http.read(`/campaigns/${sale}`);
    const body = { name, startAt, expireAt, metadata, window, assets, priority: -5 };
    const edited = await flow.http.send('PUT', `/campaigns/${sale}`, { body, headers: { 'if-match': '"1"' } });
    expect(edited.status, edited.text).toBe(200);
    await eventually(async () => {
      const older = {
        reason: 'older_version',
        sentence: expect.stringContaining('has version 1 of the campaign and not version 2'),
        facts: { heldVersion: 1 },
      };
      expect(await ask(sale, 'edited')).toMatchObject(older);
    });
    // It still plays what it has.
    expect(await ask(campaign, 'edited')).toMatchObject({ reason: 'outranked', facts: { rival: { name: 'Sale', priority: 5 } } });
    await screen.say('INSTALL_ACK', sale, { version: 2 });
    await eventually(async () => expect(await ask(campaign, 'edited')).toMatchObject({ reason: 'should_play' }));
    expect(await ask(sale, 'edited')).toMatchObject({ reason: 'outranked', facts: { heldVersion: 2, rival: { campaignId: campaign } } });
  });

  test('tells the hours in their zone, the start, and the end', async () => {
    const now = new Date();
    // The day after tomorrow, so that midnight may come while this runs.
    const opens = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 2);
    const window = { days: [((now.getUTCDay() + 1) % 7) + 1], from: '00:00', to: '12:00', timeZone: 'UTC' };
    const { campaign } = await installed('hours', { window, expireAt: Date.now() + 4 * 24 * HOUR });
    expect(await ask(campaign, 'hours')).toMatchObject({ reason: 'window_closed', next: opens, facts: { timeZone: 'UTC' } });
    const startAt = Date.now() + HOUR;
    const later = await given('hours', { startAt, expireAt: startAt + HOUR });
    await eventually(async () => expect(await ask(later, 'hours')).toMatchObject({ reason: 'not_started', next: startAt }));
    await flow.sql('update campaigns set start_at = 1, expire_at = 2 where id = $1', [later]);
    await flow.sql('update campaign_versions set start_at = 1, expire_at = 2 where campaign_id = $1', [later]);
    expect(await ask(later, 'hours')).toMatchObject({ reason: 'expired', since: 2 });
    const manual = await given('hours', { dispatch: 'manual' });
    await eventually(async () => expect(await ask(manual, 'hours')).toMatchObject({ reason: 'waiting_for_dispatch' }));
  });

  test('an unknown campaign is not found, and a question without a screen is refused by name', async () => {
    expect((await flow.http.get(`/campaigns/${randomUUID()}/why?deviceId=a`)).status).toBe(404);
    const id = await given('asked-badly');
    for (const query of ['', '?deviceId=', '?deviceId=a%20b', '?deviceId=a&deviceId=b']) {
      const refused = await flow.http.get(`/campaigns/${id}/why${query}`);
      expect(refused.status, query).toBe(400);
      expect(refused.json()).toMatchObject({ code: 'VALIDATION_FAILED', message: [expect.stringMatching(/^deviceId: /)] });
    }
  });
});

// Each command is a process of its own, a second or two on a machine that has other work.
describe('marquee why', { timeout: 180_000 }, () => {
  const call = (...args: string[]): Promise<Ran> => marquee(['why', ...args], { DATABASE_URL: flow.database.url });

  test('prints the sentence of the API and ends with what it means', async () => {
    const { screen, campaign } = await installed('by-hand');
    const { sentence } = await ask(campaign, 'by-hand');
    expect(await call(campaign, 'by-hand')).toEqual({ code: 3, stdout: `${sentence}\n`, stderr: '' });
    await screen.say('DISPLAY_START', campaign);
    await eventually(async () => expect((await ask(campaign, 'by-hand')).playing).toBe(true));
    const plays = await call(campaign.toUpperCase(), 'by-hand', '--json');
    expect(plays).toMatchObject({ code: 0, stderr: '' });
    expect(whyView.parse(JSON.parse(plays.stdout))).toEqual(await ask(campaign, 'by-hand'));
    expect(await call(randomUUID(), 'by-hand')).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^there is no campaign .*\n$/),
    });
    expect(await call('spring', 'by-hand')).toMatchObject({ code: 2, stdout: '' });
    expect((await call('--help')).stdout).toContain('3  it is not playing');
  });
});

test('who is meant is the same here as where screens are targeted', async () => {
  const database = new Database({ url: flow.database.url, poolSize: 1, log: silentLog });
  const name = fc.constantFrom('a', 'b', 'c');
  const names = fc.uniqueArray(name, { minLength: 1 });
  const tags = fc.record({ any: names, all: names, none: names }, { requiredKeys: [] }).filter((each) => Object.keys(each).length > 0);
  const audience: fc.Arbitrary<ScreenAudience> = fc.oneof(
    fc.constant({ all: true } as const),
    fc.record({ ids: fc.uniqueArray(fc.constantFrom('pin-1', 'pin-2'), { minLength: 1 }) }),
    fc.record({ groups: names, tags }, { requiredKeys: [] }).filter((each) => each.groups !== undefined || each.tags !== undefined),
  );
  try {
    await flow.sql('delete from devices');
    await fc.assert(
      fc.asyncProperty(audience, fc.option(name), fc.uniqueArray(name), async (wanted, groupId, own) => {
        await flow.sql('delete from devices');
        await flow.sql('insert into devices (device_id, group_id, tags) values ($1, $2, $3)', ['pin-1', groupId, own]);
        const [counted] = await database.run(countAudience, audienceArguments(screenAudience.parse(wanted)));
        expect(missedBy(wanted, 'pin-1', { groupId, tags: own }) === undefined).toBe(counted?.n === 1);
      }),
      { numRuns: 150 },
    );
  } finally {
    await database.close();
  }
});

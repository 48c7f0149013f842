import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';

let flow: Flow | undefined;
afterEach(async () => {
  const left = flow;
  flow = undefined;
  await left?.stop();
});

/** What a crash may cost: the lease of a fact, or of a send (ten seconds above the channel's time), and the work itself. */
const COST_MS = 60_000;

test.each([0, 50, 200, 500, 1000])(
  'kill -9 %i ms after a campaign was answered loses nothing, and sends nothing again that was acknowledged',
  async (afterMs) => {
    const live = await Flow.start({ CLAIM_LEASE_MS: '500', RESCUE_INTERVAL_MS: '100', OFFER_FIRST_MS: '300000' });
    flow = live;
    const screen = await live.screen('early');
    const before = await live.create();
    await eventually(async () => expect((await live.http.read(`/campaigns/${before.id}`)).counts.acknowledged).toBe(1));
    await live.sql(`insert into devices (device_id) select 'd-' || n from generate_series(1, 5000) n`);
    const during = await live.create();
    await delay(afterMs);
    await live.server.kill();
    await screen.close();

    await live.revive();
    const back = await live.screen('early');
    const after = await live.create({ audience: { ids: ['early'] } });
    await back.manifests.first((manifest) => manifest.campaignId === after.id);
    expect(back.offersOf(before.id)).toBe(0);
    await eventually(async () => {
      const { status, counts } = await live.http.read(`/campaigns/${during.id}`);
      expect({ status, counts }).toMatchObject({ status: 'active', counts: { SUCCESS: 5001, acknowledged: 1 } });
    }, COST_MS);
    const [doubled] = await live.sql(
      'select count(*)::int as n from (select recipient from deliveries group by campaign_id, recipient having count(*) > 1) as d',
    );
    expect(doubled?.['n']).toBe(0);
  },
);

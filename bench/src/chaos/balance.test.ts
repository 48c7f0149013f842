import { SAID } from '@marquee/simulator';
import { expect, test } from 'vitest';
import { type Balance, type Books, weigh } from './balance.js';
import type { Planned } from './planner.js';

const CAMPAIGN = 'c';

/** One campaign on screens a and b (c is not meant), where all went well: b was told twice, since it was away. */
function books(): Books {
  const row = { campaign_id: CAMPAIGN, attempt: 1, offers: 0, revokes: 0, acknowledged: true, revoked: false };
  return {
    screens: ['a', 'b', 'c'],
    silent: new Set(),
    statuses: new Map([[CAMPAIGN, 'active']]),
    ledgers: new Map([
      [
        CAMPAIGN,
        {
          campaignId: CAMPAIGN,
          version: 1,
          received: Uint16Array.of(1, 2, 0),
          revoked: new Uint16Array(3),
          said: Uint8Array.of(SAID.INSTALL_ACK | SAID.DISPLAY_START, SAID.INSTALL_ACK, 0),
          installed: Uint16Array.of(1, 1, 0),
        },
      ],
    ]),
    rows: new Map([
      ['c a', { ...row, recipient: 'a' }],
      ['c b', { ...row, recipient: 'b', offers: 1 }],
    ]),
    events: new Map([
      ['c a', new Set(['INSTALL_ACK', 'DISPLAY_START'])],
      ['c b', new Set(['INSTALL_ACK'])],
    ]),
  };
}

function weighed(change: (books: Books) => void = () => undefined, cancelled = false): Balance {
  const changed = books();
  change(changed);
  const planned: Planned[] = [{ id: CAMPAIGN, targets: new Set(['a', 'b']), cancelled }];
  return weigh(changed, planned);
}

/** What is not 0. */
function trouble({ lost, wrong }: Balance): Record<string, number> {
  return Object.fromEntries(Object.entries({ ...lost, ...wrong }).filter(([, count]) => count > 0));
}

test('where all went well nothing is missing, and what came twice is accounted for', () => {
  const total = weighed();
  expect(trouble(total)).toEqual({});
  expect(total).toMatchObject({ campaigns: 1, deliveries: 2, sent: 3, received: 3, repeated: 1, acknowledged: 2, played: 1, revoked: 0 });
});

test.each<[string, (books: Books) => void, Record<string, number>]>([
  ['an event that was accepted and is no row', (all) => all.events.get('c a')?.delete('DISPLAY_START'), { DISPLAY_START: 1 }],
  ['an event that nobody said', (all) => all.events.get('c b')?.add('DISPLAY_START'), { 'events that no screen said': 1 }],
  [
    'a manifest that never came',
    (all) => all.ledgers.get('c')?.installed.fill(0, 0, 1),
    { manifests: 1, 'rows that say otherwise than the screen': 1 },
  ],
  ['a campaign that is gone', (all) => all.statuses.clear(), { 'campaigns that were answered': 1 }],
  ['a campaign nobody asked for', (all) => all.statuses.set('d', 'active'), { 'campaigns nobody was told of': 1 }],
  [
    'a manifest sent once that came twice',
    (all) => all.ledgers.get('c')?.received.fill(2, 0, 1),
    { 'manifests that no send accounts for': 1 },
  ],
  ['a manifest for somebody else', (all) => all.ledgers.get('c')?.received.fill(1, 2), { 'manifests for a screen that was not meant': 1 }],
  [
    'a row that does not know of an installation',
    (all) => Object.assign(all.rows.get('c a') ?? {}, { acknowledged: false }),
    { 'rows that say otherwise than the screen': 1 },
  ],
])('%s is found', (_, change, found) => {
  expect(trouble(weighed(change))).toEqual(found);
});

test('what was cancelled may be on no screen, and must be cancelled', () => {
  const left = weighed((all) => all.statuses.set(CAMPAIGN, 'cancelled'), true);
  expect(trouble(left)).toEqual({ 'screens that show what was cancelled': 2 });
  expect(trouble(weighed(() => undefined, true))).toEqual({ 'campaigns cancelled that are not': 1 });
});

import type { WhyReason } from '@marquee/contracts';
import type { CampaignFacts, DeliveryFacts, Rival, ScreenFacts, Snapshot } from '../../screens/why/snapshot.js';

/** A Monday, 12:00 in UTC, 13:00 in Berlin. */
export const NOW = Date.UTC(2026, 10, 23, 12);
export const HOUR = 3_600_000;
const ID = '018f0000-0000-7000-8000-000000000001';
export const OTHER = '018f0000-0000-7000-8000-000000000002';

const campaign: CampaignFacts = {
  campaignId: ID,
  name: 'Spring',
  version: 1,
  liveVersion: 1,
  status: 'active',
  startAt: NOW - HOUR,
  expireAt: NOW + 9 * 24 * HOUR,
  audience: { all: true },
  priority: 0,
  window: undefined,
  loopMs: 10_000,
  dispatch: 'auto',
  paused: false,
  buildError: null,
  updatedAt: NOW - HOUR,
  executionAt: NOW - HOUR,
};
const screen: ScreenFacts = {
  status: 'online',
  statusSince: NOW - 5 * HOUR,
  lastSeen: NOW - 60_000,
  groupId: 'lobby',
  tags: ['tall'],
  clockOffsetMs: 20,
  report: { lacks: [], storage: { usedBytes: 41_000_000, quotaBytes: 900_000_000 } },
};
/** Handed over, installed, and not said to be on air. */
const delivery: DeliveryFacts = {
  id: '018f0000-0000-7000-8000-00000000000d',
  status: 'SUCCESS',
  attempt: 1,
  lastError: null,
  nextAttemptAt: null,
  settledAt: NOW - HOUR,
  acknowledgedAt: NOW - HOUR + 1000,
  heldVersion: 1,
  installError: null,
  installErrorAt: 0,
  missingAssets: false,
  offers: 0,
  nextOfferAt: null,
  onAir: false,
  displayAt: 0,
  revokes: 0,
  revokeAckedAt: null,
};
export const silent = { acknowledgedAt: null, heldVersion: null };
export const rival: Rival = { ...campaign, campaignId: OTHER, name: 'Sale' };
export const office = { days: [1, 2, 3, 4, 5], from: '09:00', to: '12:00', timeZone: 'Europe/Berlin' };

export interface Parts {
  campaign?: Partial<CampaignFacts>;
  /** Null: there is none. */
  screen?: Partial<ScreenFacts> | null;
  delivery?: Partial<DeliveryFacts> | null;
  rivals?: Rival[];
}

export function snapshot(parts: Parts = {}): Snapshot {
  return {
    deviceId: 's-1',
    campaign: { ...campaign, ...parts.campaign },
    screen: parts.screen === null ? null : { ...screen, ...parts.screen },
    delivery: parts.delivery === null ? null : { ...delivery, ...parts.delivery },
    rivals: parts.rivals ?? [],
  };
}

interface Told {
  parts: Parts;
  sentence: string;
  since?: number | null;
  next?: number | null;
  playing?: true;
  also?: string[];
}

/** Every reason there is, each with all of the cases in which it is told differently; the compiler asks for one that is new. */
export const CASES: Record<WhyReason, Told[]> = {
  unknown_screen: [
    { parts: { screen: null, delivery: null }, sentence: 'There is no screen “s-1” in the registry.' },
    { parts: { screen: null }, sentence: 'The screen “s-1” is no longer in the registry; the campaign was given to it before.' },
  ],
  revoked: [
    {
      parts: { campaign: { status: 'cancelled' }, delivery: { revokeAckedAt: NOW - 1000, revokes: 1 } },
      sentence: 'The campaign was cancelled at 2026-11-23T11:00:00Z, and the screen confirmed at 2026-11-23T11:59:59Z that it took it off.',
      since: NOW - 1000,
    },
  ],
  cancelled: [
    {
      parts: { campaign: { status: 'cancelled' }, delivery: { revokes: 3, onAir: true }, screen: { status: 'online' } },
      sentence:
        'The campaign was cancelled at 2026-11-23T11:00:00Z. The screen has not confirmed yet that it took it off (asked 3 times) and still shows it; its copy ends by itself at 2026-12-02T12:00:00Z.',
      since: NOW - HOUR,
      next: campaign.expireAt,
      playing: true,
    },
    {
      parts: { campaign: { status: 'cancelled' }, screen: { status: 'offline' } },
      sentence:
        'The campaign was cancelled at 2026-11-23T11:00:00Z. The screen is offline and has not confirmed yet that it took it off; its copy ends by itself at 2026-12-02T12:00:00Z.',
      since: NOW - HOUR,
      next: campaign.expireAt,
    },
    {
      parts: { campaign: { status: 'cancelled' }, delivery: { ...silent, status: 'CANCELLED', attempt: 0 } },
      sentence: 'The campaign was cancelled at 2026-11-23T11:00:00Z. The screen never got it.',
      since: NOW - HOUR,
    },
    {
      parts: { campaign: { status: 'cancelled' }, delivery: null },
      sentence: 'The campaign was cancelled at 2026-11-23T11:00:00Z. The screen never got it.',
      since: NOW - HOUR,
    },
  ],
  expired: [
    {
      parts: { campaign: { status: 'completed', expireAt: NOW - 60_000 } },
      sentence: 'The campaign ended at 2026-11-23T11:59:00Z.',
      since: NOW - 60_000,
    },
    {
      parts: { campaign: { expireAt: NOW }, delivery: { onAir: true } },
      sentence: 'The campaign ended at 2026-11-23T12:00:00Z. The screen has not said yet that it stopped.',
      since: NOW,
      playing: true,
    },
  ],
  playing: [
    {
      parts: { delivery: { onAir: true, displayAt: NOW - 60_000 } },
      sentence: 'The screen has been showing “Spring” since 2026-11-23T11:59:00Z.',
      since: NOW - 60_000,
      playing: true,
    },
    {
      parts: { delivery: { onAir: true, displayAt: NOW - 60_000, missingAssets: true }, screen: { clockOffsetMs: -3200 }, rivals: [rival] },
      sentence: 'The screen has been showing “Spring” since 2026-11-23T11:59:00Z. It shares the screen with “Sale” in turn.',
      since: NOW - 60_000,
      playing: true,
      also: [
        'The screen has the campaign without an asset that it could not have; it should play the rest.',
        'The clock of the screen is 3.2 s ahead of the server’s: a player that does not correct for it starts and ends wrong.',
      ],
    },
  ],
  its_turn_comes: [
    {
      parts: {
        campaign: { campaignId: OTHER },
        delivery: { onAir: true, displayAt: NOW - 60_000 },
        rivals: [{ ...rival, campaignId: ID }],
      },
      sentence: 'It shares the screen with “Sale” in turn; its next turn is at 2026-11-23T12:00:10Z.',
      since: NOW - 60_000,
      next: NOW + 10_000,
    },
    {
      parts: { campaign: { campaignId: OTHER, expireAt: NOW + 10_000 }, rivals: [{ ...rival, campaignId: ID }] },
      sentence: 'It shares the screen with “Sale” in turn; its turn does not come again before it ends.',
    },
  ],
  not_targeted: [
    {
      parts: { campaign: { audience: { groups: ['shop', 'bar'] } }, delivery: null },
      sentence: 'The campaign does not mean this screen: it is for the groups “shop” or “bar”, and the screen is in group “lobby”.',
    },
    {
      parts: { campaign: { audience: { ids: ['a', 'b'] } }, delivery: null },
      sentence: 'The campaign does not mean this screen: it is for 2 screens by name, and this is none of them.',
    },
  ],
  build_failed: [
    {
      parts: { campaign: { status: 'building', buildError: 'no space left.\n' }, delivery: null },
      sentence: 'Its page could not be built: no space left.',
    },
  ],
  not_started: [
    {
      parts: { campaign: { startAt: NOW + HOUR }, delivery: { ...silent, installError: 'disk' } },
      sentence: 'The campaign starts at 2026-11-23T13:00:00Z.',
      next: NOW + HOUR,
      also: ['The screen could not install it: disk.'],
    },
  ],
  building: [
    {
      parts: { campaign: { status: 'draft' }, delivery: null },
      sentence: 'Its page is being built; the campaign was last changed at 2026-11-23T11:00:00Z.',
      since: NOW - HOUR,
    },
  ],
  waiting_for_dispatch: [
    {
      parts: { campaign: { status: 'ready', dispatch: 'manual', executionAt: null }, delivery: null },
      sentence: 'The campaign is built and waits for somebody to dispatch it.',
      since: NOW - HOUR,
    },
  ],
  paused: [
    {
      parts: { campaign: { paused: true }, delivery: { ...silent, status: 'PENDING', nextAttemptAt: NOW - 1 } },
      sentence: 'The campaign is paused: nothing of it is sent until it is resumed, and this screen has not got it yet.',
      also: ['The delivery waits to be sent.'],
    },
  ],
  joining: [
    { parts: { delivery: null }, sentence: 'The campaign means this screen and is about to be given to it.', since: NOW - HOUR },
    {
      parts: { campaign: { status: 'ready' }, delivery: null },
      sentence: 'The campaign is built and about to be started.',
      since: NOW - HOUR,
    },
  ],
  not_sent_yet: [
    {
      parts: { delivery: { ...silent, status: 'PENDING', lastError: 'the broker is gone', nextAttemptAt: NOW + 5000 } },
      sentence: 'The last attempt to send it failed: the broker is gone. The next attempt is at 2026-11-23T12:00:05Z.',
      since: NOW - HOUR,
      next: NOW + 5000,
    },
    {
      parts: { delivery: { ...silent, status: 'IN_PROGRESS' } },
      sentence: 'A worker has claimed the delivery and is about to send it.',
      since: NOW - HOUR,
    },
    { parts: { delivery: { ...silent, status: 'SENDING' } }, sentence: 'The delivery is being sent right now.', since: NOW - HOUR },
  ],
  send_failed: [
    {
      parts: { delivery: { ...silent, status: 'FAILED', lastError: 'too often' } },
      sentence: 'Sending it to this screen was given up: too often.',
      since: NOW - HOUR,
    },
  ],
  send_unknown: [
    {
      parts: { delivery: { ...silent, status: 'UNKNOWN' } },
      sentence: 'Whether it was sent to this screen is not known.',
      since: NOW - HOUR,
    },
  ],
  send_cancelled: [
    {
      parts: { delivery: { ...silent, status: 'CANCELLED', lastError: 'suppressed' } },
      sentence: 'Its delivery to this screen was cancelled: suppressed.',
      since: NOW - HOUR,
    },
  ],
  offline: [
    {
      parts: { screen: { status: 'offline' }, delivery: { ...silent, offers: 2, nextOfferAt: NOW + 60_000 } },
      sentence: 'The screen is offline since 2026-11-23T07:00:00Z and has not installed the campaign.',
      since: NOW - 5 * HOUR,
      also: [
        'It was handed over at 2026-11-23T11:00:00Z and the screen has not answered. It was offered again twice. It is offered again as soon as the screen is online.',
      ],
    },
    {
      parts: { screen: { status: 'offline' } },
      sentence:
        'The screen is offline since 2026-11-23T07:00:00Z; it has the campaign installed, and as far as we know plays it by itself.',
      since: NOW - 5 * HOUR,
    },
    {
      parts: { screen: { status: 'offline' }, delivery: { onAir: true } },
      sentence:
        'The screen is offline since 2026-11-23T07:00:00Z; it was showing the campaign then, and as far as we know it goes on by itself.',
      since: NOW - 5 * HOUR,
    },
    {
      parts: { screen: { status: 'offline' }, campaign: { window: office } },
      sentence:
        'The screen is offline since 2026-11-23 08:00:00 (Europe/Berlin); it has the campaign installed and keeps to its times by itself.',
      since: NOW - 5 * HOUR,
      also: [
        'It may play Monday, Tuesday, Wednesday, Thursday and Friday from 09:00 to 12:00 (Europe/Berlin) only, and opens next at 2026-11-24 09:00:00 (Europe/Berlin).',
      ],
    },
    {
      parts: { screen: { status: 'offline' }, campaign: { version: 2, liveVersion: 2 } },
      sentence: 'The screen is offline since 2026-11-23T07:00:00Z; it has version 1 of the campaign and plays that by itself.',
      since: NOW - 5 * HOUR,
      also: ['The screen has version 1 of the campaign and not version 2 yet.'],
    },
    {
      parts: { screen: { status: 'offline', lastSeen: null }, delivery: silent },
      sentence: 'The screen was never seen online and has not installed the campaign.',
      also: ['It was handed over at 2026-11-23T11:00:00Z and the screen has not answered.'],
    },
  ],
  storage_full: [
    {
      parts: { screen: { report: { ...screen.report, lacks: ['free_storage'] } }, delivery: { ...silent, installError: 'quota' } },
      sentence: 'The screen has no room left for the campaign (41 MB of 900 MB used).',
      also: ['The screen could not install it: quota.'],
    },
  ],
  not_installed: [
    {
      parts: { delivery: { ...silent, installError: 'checksum of\u001b[31m a.png', installErrorAt: NOW - 5, nextOfferAt: NOW + 1000 } },
      sentence: 'The screen could not install it: checksum of [31m a.png. The next offer is at 2026-11-23T12:00:01Z.',
      since: NOW - 5,
      next: NOW + 1000,
    },
  ],
  not_acknowledged: [
    {
      parts: { delivery: { ...silent, offers: 1, nextOfferAt: NOW + 1000 } },
      sentence:
        'It was handed over at 2026-11-23T11:00:00Z and the screen has not answered. It was offered again once. The next offer is at 2026-11-23T12:00:01Z.',
      since: NOW - HOUR,
      next: NOW + 1000,
    },
  ],
  older_version: [
    {
      parts: { campaign: { version: 3, liveVersion: 3 } },
      sentence: 'The screen has version 1 of the campaign and not version 3 yet.',
      since: NOW - HOUR,
    },
  ],
  window_closed: [
    {
      parts: { campaign: { window: office } },
      sentence:
        'It may play Monday, Tuesday, Wednesday, Thursday and Friday from 09:00 to 12:00 (Europe/Berlin) only, and opens next at 2026-11-24 09:00:00 (Europe/Berlin).',
      next: Date.UTC(2026, 10, 24, 8),
    },
    {
      parts: { campaign: { window: { ...office, days: [1] }, expireAt: NOW + HOUR } },
      sentence: 'It may play Monday from 09:00 to 12:00 (Europe/Berlin) only, and does not open again before it ends.',
    },
  ],
  outranked: [
    {
      parts: { rivals: [{ ...rival, priority: 5, expireAt: NOW + HOUR }] },
      sentence: '“Sale” has the screen with priority 5; this campaign has 0. Its turn comes at 2026-11-23T13:00:00Z.',
      next: NOW + HOUR,
    },
    {
      parts: { rivals: [{ ...rival, priority: 5, expireAt: NOW + 99 * 24 * HOUR }] },
      sentence: '“Sale” has the screen with priority 5; this campaign has 0.',
    },
  ],
  missing_assets: [
    {
      parts: { delivery: { missingAssets: true } },
      sentence: 'The screen has the campaign without an asset that it could not have; it should play the rest.',
      since: NOW - HOUR + 1000,
    },
  ],
  clock_off: [
    {
      parts: { screen: { clockOffsetMs: 501 } },
      sentence: 'The clock of the screen is 0.5 s behind the server’s: a player that does not correct for it starts and ends wrong.',
    },
  ],
  should_play: [
    {
      parts: { screen: { clockOffsetMs: -500 } },
      sentence: 'By all that is known it should be playing; the screen has not said yet that it shows it.',
      since: NOW - HOUR + 1000,
    },
  ],
};

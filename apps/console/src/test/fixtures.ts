import {
  type CampaignCounts,
  type CampaignDetail,
  campaignDetail,
  type CreateCampaign,
  type ContactView,
  contactView,
  type DeliveryView,
  deliveryView,
  type ExecutionView,
  executionView,
  type ScreenDelivery,
  screenDelivery,
  type ScreenDetail,
  screenDetail,
  type StoredEvent,
  storedEvent,
  type WhyView,
  whyView,
  type VersionView,
  versionView,
} from '@marquee/contracts';
import { randomUUID } from 'node:crypto';

/** Rows as the API answers them, held to the contracts' schemas, so that the pages are tested against what a server may really say. */

export const NO_COUNTS: CampaignCounts = {
  PENDING: 0,
  IN_PROGRESS: 0,
  SENDING: 0,
  SUCCESS: 0,
  FAILED: 0,
  CANCELLED: 0,
  UNKNOWN: 0,
  acknowledged: 0,
  failedInstall: 0,
  onAir: 0,
  revoked: 0,
};

export function campaignRow(part: Partial<CampaignDetail> = {}): CampaignDetail {
  const now = Date.now();
  // A field that the contract gained is missed here when types are checked, not in a browser.
  const row: CampaignDetail = {
    id: randomUUID(),
    name: 'Spring sale',
    version: 1,
    liveVersion: part.version ?? 1,
    status: 'active',
    channel: 'screen',
    startAt: now - 3_600_000,
    expireAt: now + 86_400_000,
    metadata: {},
    audience: { all: true },
    priority: 0,
    window: null,
    clickUrl: null,
    dispatch: 'auto',
    content: null,
    rate: null,
    onUnknown: 'hold',
    schedule: null,
    nextRunAt: null,
    assets: [
      {
        id: randomUUID(),
        assetType: 'image',
        url: 'https://images.example.test/spring.png',
        checksum: '',
        durationMs: 10_000,
        sizeBytes: 0,
        state: 'pending',
        reason: null,
      },
    ],
    epoch: 1,
    paused: false,
    buildError: null,
    createdAt: new Date(now - 7_200_000).toISOString(),
    updatedAt: new Date(now).toISOString(),
    counts: NO_COUNTS,
    ...part,
  };
  return campaignDetail.parse(row);
}

/** What a server makes of a body. */
export function createdRow(body: CreateCampaign): CampaignDetail {
  const assets = body.channel === 'screen' ? body.assets : [];
  const { name, priority, audience, dispatch, metadata, channel, startAt = null, expireAt = null } = body;
  return campaignRow({
    name,
    priority,
    audience,
    dispatch,
    metadata,
    channel,
    startAt,
    expireAt,
    status: channel === 'screen' ? 'draft' : 'ready',
    window: body.window ?? null,
    clickUrl: body.clickUrl ?? null,
    content: body.content ?? null,
    rate: body.rate ?? null,
    schedule: body.schedule ?? null,
    assets: assets.map((asset) => ({
      id: randomUUID(),
      assetType: asset.assetType,
      url: asset.url,
      durationMs: asset.durationMs ?? null,
      checksum: '',
      sizeBytes: 0,
      state: 'pending',
      reason: null,
    })),
    createdAt: new Date().toISOString(),
  });
}

export function executionRow(part: Partial<ExecutionView> = {}): ExecutionView {
  const startedAt = part.startedAt === undefined ? Date.now() - 60_000 : part.startedAt;
  return executionView.parse({
    id: randomUUID(),
    campaignId: randomUUID(),
    campaignName: 'Morning news',
    state: 'COMPLETED',
    scheduledFor: Date.now() - 60_005,
    startedAt,
    endedAt: null,
    reason: null,
    kind: 'scheduled',
    attempts: 1,
    lagMs: startedAt === null ? null : 5,
    durationMs: null,
    counts: { PENDING: 0, IN_PROGRESS: 0, SENDING: 0, SUCCESS: 0, FAILED: 0, CANCELLED: 0, UNKNOWN: 0 },
    ...part,
  });
}

/** A version that says what the campaign says. */
export function versionRow(campaign: CampaignDetail, part: Partial<VersionView> = {}): VersionView {
  return versionView.parse({
    ...campaign,
    createdAt: campaign.createdAt,
    by: null,
    restores: null,
    liveAt: Date.now() - 60_000,
    acknowledged: 0,
    ...part,
  });
}

export function deliveryRow(campaignId: string, part: Partial<DeliveryView> = {}): DeliveryView {
  return deliveryView.parse({
    id: randomUUID(),
    campaignId,
    executionId: randomUUID(),
    recipient: 'lobby-1',
    status: 'SUCCESS',
    epoch: 1,
    attempt: 1,
    offers: 1,
    lastError: null,
    installError: null,
    settledAt: Date.now() - 60_000,
    acknowledgedAt: null,
    acknowledgedVersion: null,
    onAir: false,
    revokeAckedAt: null,
    ...part,
  });
}

/** A campaign as the page of the screen `lobby-1` lists it. */
export function screenDeliveryRow(part: Partial<ScreenDelivery> = {}): ScreenDelivery {
  const campaign = campaignRow();
  return screenDelivery.parse({
    ...deliveryRow(campaign.id),
    campaign: campaign.name,
    campaignStatus: 'active',
    startAt: campaign.startAt,
    expireAt: campaign.expireAt,
    ...part,
  });
}

export function storedEventRow(part: Partial<StoredEvent> = {}): StoredEvent {
  return storedEvent.parse({
    eventId: randomUUID(),
    eventType: 'INSTALL_ACK',
    campaignId: randomUUID(),
    campaign: 'Spring sale',
    version: 1,
    occurredAt: Date.now() - 60_000,
    storedAt: Date.now() - 59_000,
    reason: null,
    plays: null,
    ...part,
  });
}

export function whyAnswer(part: Partial<WhyView> = {}, facts: Partial<WhyView['facts']> = {}): WhyView {
  return whyView.parse({
    campaignId: randomUUID(),
    deviceId: 'lobby-1',
    playing: false,
    reason: 'offline',
    sentence: 'The screen is offline since 2026-11-23T07:00:00Z and has not installed the campaign.',
    since: Date.now() - 3_600_000,
    next: null,
    facts: {
      campaign: 'Spring sale',
      version: 1,
      heldVersion: null,
      screenStatus: 'offline',
      deliveryId: randomUUID(),
      deliveryStatus: 'SUCCESS',
      rival: null,
      timeZone: 'UTC',
      also: [],
      ...facts,
    },
    ...part,
  });
}

export function screenRow(part: Partial<ScreenDetail> = {}): ScreenDetail {
  return screenDetail.parse({
    deviceId: 'lobby-1',
    groupId: 'lobby',
    tags: ['ground-floor'],
    status: 'online',
    lastSeen: Date.now() - 4_000,
    nowPlaying: null,
    clockOffsetMs: 12,
    statusSince: 1_790_000_000_000,
    lacks: [],
    storage: null,
    events: null,
    screenshotAt: null,
    metadata: {},
    ...part,
  });
}

export function contactRow(part: Partial<ContactView> = {}): ContactView {
  return contactView.parse({
    id: 'c-1',
    email: 'ann@example.test',
    phone: '+43 1 234567',
    attributes: { city: 'Linz' },
    tags: ['vip'],
    timeZone: 'Europe/Vienna',
    createdAt: Date.now() - 86_400_000,
    updatedAt: Date.now() - 4_000,
    ...part,
  });
}

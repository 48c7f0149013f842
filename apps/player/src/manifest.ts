import { fromBase64Url, loopOf, type ManifestCodes, type PlayWindow, readWindow } from '@marquee/contracts/player';

const SHA256 = /^[0-9a-f]{64}$/i;
const MAX_VERSION = 2_147_483_647;
/** With a longer one no phone reads the code from a screen. */
const MAX_CODE_URL = 500;

export interface OfferedAsset {
  /** What the template asks for it by; its URL where the manifest gives no id. */
  id: string;
  url: string;
  /** 64 lower-case hex digits, or '' when unknown. */
  checksum: string;
  /** 0 when unknown. */
  sizeBytes: number;
  /** What its QR codes name it by. */
  number?: number;
}

/** A manifest that was read and found sound: all that is needed to install and play one campaign. */
export interface Offer {
  campaignId: string;
  version: number;
  /** Epoch ms. */
  startAt: number;
  expireAt: number;
  templateUrl: string;
  templateChecksum: string;
  assets: OfferedAsset[];
  /** How long all slides take once, ms. */
  loopMs: number;
  priority: number;
  window: PlayWindow | undefined;
  /** Absent where the campaign leads nowhere, and from what was installed before there were any. */
  codes?: ManifestCodes;
}

/** An unsound manifest tells why; it names its campaign when that much could be read, so that the refusal can be reported. */
export type ReadOffer =
  | { ok: true; offer: Offer }
  | { ok: false; reason: string; campaign: { campaignId: string; version: number } | undefined };

export type ReadControl =
  | { type: 'revoke'; campaignId: string }
  | { type: 'replay'; fromSeq: number }
  | { type: 'identify' }
  | { type: 'reload' }
  | { type: 'screenshot'; uploadUrl: string };

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isCampaignId(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= 128;
}

function isVersion(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_VERSION;
}

function isMoment(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isWebUrl(value: unknown, base: string): value is string {
  if (typeof value !== 'string' || value === '') return false;
  try {
    return /^https?:$/.test(new URL(value, base).protocol);
  } catch {
    return false;
  }
}

/** A checksum that is not 64 hex digits cannot be verified and is taken as unknown. */
function readChecksum(value: unknown): string {
  return typeof value === 'string' && SHA256.test(value) ? value.toLowerCase() : '';
}

function readAssets(value: unknown, base: string): OfferedAsset[] | undefined {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return undefined;
  const assets: OfferedAsset[] = [];
  for (const entry of value as unknown[]) {
    if (typeof entry !== 'object' || entry === null) return undefined;
    const { id, url, checksum, sizeBytes, number } = entry as Record<string, unknown>;
    if (!isWebUrl(url, base)) return undefined;
    const size = typeof sizeBytes === 'number' && Number.isFinite(sizeBytes) ? Math.max(0, sizeBytes) : 0;
    assets.push({
      id: typeof id === 'string' && id !== '' ? id : url,
      url,
      checksum: readChecksum(checksum),
      sizeBytes: size,
      ...(isNumber(number) ? { number } : {}),
    });
  }
  return assets;
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** What cannot be signed with is left out: the campaign plays with the codes that its template was built with. */
function readCodes(value: unknown): { codes: ManifestCodes } | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { url, key } = value as Record<string, unknown>;
  if (typeof url !== 'string' || url.length > MAX_CODE_URL || !/^https?:\/\/./.test(url)) return undefined;
  return typeof key === 'string' && (fromBase64Url(key)?.length ?? 0) > 0 ? { codes: { url, key } } : undefined;
}

/** Reads a manifest off the wire; trusts nothing in it. `base` is what relative URLs are resolved against. */
export function readOffer(text: string, base: string): ReadOffer {
  const fields = parse(text);
  if (fields === undefined) return { ok: false, reason: 'the manifest is no JSON object', campaign: undefined };
  const { campaignId, version, startAt, expireAt, templateUrl, priority, window } = fields;
  if (!isCampaignId(campaignId)) return { ok: false, reason: 'the manifest names no campaign', campaign: undefined };
  if (!isVersion(version)) return { ok: false, reason: 'the manifest has no version', campaign: undefined };
  const refuse = (reason: string): ReadOffer => ({ ok: false, reason, campaign: { campaignId, version } });

  if (!isMoment(startAt) || !isMoment(expireAt) || expireAt <= startAt)
    return refuse('startAt and expireAt of the manifest are no span of time');
  if (!isWebUrl(templateUrl, base)) return refuse('templateUrl of the manifest is no http or https URL');
  const assets = readAssets(fields['assets'], base);
  if (assets === undefined) return refuse('assets of the manifest is no list of http or https URLs');
  const hours = readWindow(window);
  // Playing outside of its hours would be worse than not playing.
  if (window !== undefined && window !== null && hours === undefined) return refuse('window of the manifest cannot be kept');
  return {
    ok: true,
    offer: {
      campaignId,
      version,
      startAt,
      expireAt,
      templateUrl,
      templateChecksum: readChecksum(fields['templateChecksum']),
      assets,
      loopMs: loopOf(fields['slides']),
      priority: typeof priority === 'number' && Number.isFinite(priority) ? priority : 0,
      window: hours,
      ...readCodes(fields['codes']),
    },
  };
}

/** Reads a control message; undefined for what is malformed or of a type that this player does not know. */
export function readControl(text: string): ReadControl | undefined {
  const fields = parse(text);
  switch (fields?.['type']) {
    case 'revoke':
      return isCampaignId(fields['campaignId']) ? { type: 'revoke', campaignId: fields['campaignId'] } : undefined;
    case 'replay':
      return Number.isSafeInteger(fields['fromSeq']) ? { type: 'replay', fromSeq: Number(fields['fromSeq']) } : undefined;
    case 'identify':
      return { type: 'identify' };
    case 'reload':
      return { type: 'reload' };
    case 'screenshot':
      return typeof fields['uploadUrl'] === 'string' ? { type: 'screenshot', uploadUrl: fields['uploadUrl'] } : undefined;
    default:
      return undefined;
  }
}

/** How many of an offer's digests are known. */
function known(offer: Offer): number {
  return offer.assets.filter(({ checksum }) => checksum !== '').length + (offer.templateChecksum === '' ? 0 : 1);
}

/**
 * True when installing `offered` would bring nothing that `installed` does not have: an older version, the same
 * content again, or the same version from before a digest was known (a digest that became known later is offered again under the same version).
 */
export function bringsNothing(offered: Offer, installed: Offer): boolean {
  if (offered.version !== installed.version) return offered.version < installed.version;
  return known(offered) < known(installed) || JSON.stringify(offered) === JSON.stringify(installed);
}

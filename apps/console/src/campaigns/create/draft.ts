import { type AssetType, type CampaignView, DEFAULT_SLIDE_MS, FITS, QR_PLACES, screenAudience, TRANSITIONS } from '@marquee/contracts';
import { newUuid } from './new-uuid.js';

/** What the create form holds: as typed, so possibly not valid. Times are `YYYY-MM-DDTHH:MM` in the reader's zone. */
export interface Draft {
  name: string;
  startAt: string;
  expireAt: string;
  slides: SlideDraft[];
  fit: (typeof FITS)[number];
  background: string;
  transition: (typeof TRANSITIONS)[number];
  text: string;
  /** '' = no QR code. */
  clickUrl: string;
  qrPosition: (typeof QR_PLACES)[number];
  audience: 'all' | 'groups' | 'tags' | 'ids';
  groups: string[];
  tagsAny: string[];
  tagsAll: string[];
  tagsNone: string[];
  /** Device ids, separated by white space, commas or semicolons. */
  ids: string;
  priority: number | string;
  hasWindow: boolean;
  window: { days: string[]; from: string; to: string; timeZone: string };
  dispatch: 'auto' | 'manual';
}

export interface SlideDraft {
  /** Stays with the slide however it is moved. */
  key: string;
  source: 'upload' | 'url';
  assetType: AssetType;
  url: string;
  /** '' = the video's own length. */
  seconds: number | string;
}

/** The slide as another kind. A video plays its own length unless one was typed; a still has none of its own. */
export function asKind(slide: SlideDraft, assetType: AssetType): SlideDraft {
  const standard = DEFAULT_SLIDE_MS / 1000;
  if (assetType === 'video' && slide.assetType !== 'video' && slide.seconds === standard) return { ...slide, assetType, seconds: '' };
  if (assetType !== 'video' && slide.seconds === '') return { ...slide, assetType, seconds: standard };
  return { ...slide, assetType };
}

const DAY_MS = 86_400_000;

export function emptySlide(): SlideDraft {
  return { key: newUuid(), source: 'upload', assetType: 'image', url: '', seconds: DEFAULT_SLIDE_MS / 1000 };
}

export function emptyDraft(now: number): Draft {
  return {
    name: '',
    startAt: toLocalInput(now),
    expireAt: toLocalInput(now + DAY_MS),
    slides: [emptySlide()],
    fit: 'contain',
    background: '#000000',
    transition: 'fade',
    text: '',
    clickUrl: '',
    qrPosition: 'bottom-right',
    audience: 'all',
    groups: [],
    tagsAny: [],
    tagsAll: [],
    tagsNone: [],
    ids: '',
    priority: 0,
    hasWindow: false,
    window: {
      days: ['1', '2', '3', '4', '5', '6', '7'],
      from: '08:00',
      to: '20:00',
      timeZone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
    },
    dispatch: 'auto',
  };
}

/** The form filled with what a campaign says. */
export function draftOf(campaign: CampaignView): Draft {
  const { name, startAt, expireAt, metadata, priority, window } = campaign;
  const blank = emptyDraft(startAt ?? Date.now());
  const words = (key: string): string => (typeof metadata[key] === 'string' ? metadata[key] : '');
  return {
    ...blank,
    name,
    startAt: toLocalInput(startAt),
    expireAt: toLocalInput(expireAt),
    slides: campaign.assets.map(({ id, assetType, url, durationMs }) => ({
      key: id,
      source: 'url',
      assetType,
      url,
      seconds: durationMs === null ? '' : durationMs / 1000,
    })),
    fit: FITS.find((fit) => fit === metadata['fit']) ?? blank.fit,
    background: words('background') || blank.background,
    transition: TRANSITIONS.find((transition) => transition === metadata['transition']) ?? blank.transition,
    text: words('text'),
    clickUrl: campaign.clickUrl ?? '',
    qrPosition: QR_PLACES.find((place) => place === metadata['qrPosition']) ?? blank.qrPosition,
    ...audienceDraft(campaign),
    priority,
    hasWindow: window !== null,
    window: window === null ? blank.window : { ...window, days: window.days.map(String) },
    dispatch: campaign.dispatch,
  };
}

function audienceDraft(campaign: CampaignView): Partial<Draft> {
  const { data: audience } = screenAudience.safeParse(campaign.audience);
  if (audience === undefined || 'all' in audience) return { audience: 'all' };
  if ('ids' in audience) return { audience: 'ids', ids: audience.ids.join('\n') };
  const { any = [], all = [], none = [] } = audience.tags ?? {};
  return {
    audience: audience.groups === undefined ? 'tags' : 'groups',
    groups: audience.groups ?? [],
    tagsAny: any,
    tagsAll: all,
    tagsNone: none,
  };
}

/** `YYYY-MM-DDTHH:MM` in the reader's zone, the form of a datetime-local input; empty where there is no such moment. */
export function toLocalInput(at: number | null): string {
  if (at === null) return '';
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Epoch ms of a datetime-local input, or undefined while it is not complete. */
export function fromLocalInput(text: string): number | undefined {
  const at = new Date(text).getTime();
  return text === '' || Number.isNaN(at) ? undefined : at;
}

/** What a file name, URL path or media type tells of the kind of an asset. */
export function assetTypeOf(nameOrType: string): AssetType | undefined {
  const text = nameOrType.toLowerCase().split(/[?#;]/)[0] ?? '';
  if (/^image\b|\.(png|jpe?g|gif|webp|avif|svg|bmp)$/.test(text)) return 'image';
  if (/^video\b|\.(mp4|m4v|webm|mov|ogv|mkv)$/.test(text)) return 'video';
  if (/^(text\/)?html$|\.html?$/.test(text)) return 'html';
  return undefined;
}

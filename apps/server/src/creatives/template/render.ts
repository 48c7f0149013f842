import { createHash } from 'node:crypto';
import { type AssetType, DEFAULT_SLIDE_MS } from '@marquee/contracts';
import { escapeHtml } from './escape.js';
import { type Look, readLook } from './look.js';
import { FRAMES_SCRIPT, PAGE_STYLE, STAGE_SCRIPT } from './page-runtime.js';
import { qrSvg } from './qr.js';

/** Raised when the page's markup or runtime changes, so that a page tells which one made it. */
export const TEMPLATE_VERSION = 3;

export interface Slide {
  assetId: string;
  assetType: AssetType;
  /** As the planner wrote it; readable in the page's source. */
  url: string;
  /** Where else the same bytes are to be had, tried before `url`: ours, by digest. */
  fallbackUrl?: string;
  /** Ms; null shows a video to its end, anything else for DEFAULT_SLIDE_MS. */
  durationMs: number | null;
  /** Where its QR code leads; without it, it has none. */
  link?: string | undefined;
}

export interface TemplateInput {
  campaignId: string;
  /** The campaign's. */
  version: number;
  name: string;
  metadata: Readonly<Record<string, unknown>>;
  slides: readonly Slide[];
}

export interface RenderedTemplate {
  html: string;
  /** Of the page in UTF-8. The same input gives the same page. */
  sha256: string;
  /** What of `metadata` was ignored and why; for the planner. */
  warnings: string[];
}

/**
 * The page that a screen shows for a campaign, complete in itself. Whatever the planner wrote is text or a quoted attribute in
 * it, and its policy lets no script run but the page's own, so it may be hostile. Framed by a player (an opaque origin is
 * enough) it asks it for the assets with the messages of `StageRequest`; alone it takes them from their URLs.
 */
export function renderTemplate(input: TemplateInput): RenderedTemplate {
  const { look, warnings } = readLook(input.metadata);
  const frames = input.slides.filter(({ assetType }) => assetType === 'html').length;
  const { qrPosition } = look;
  const coded = qrPosition !== 'none' && input.slides.some(({ link }) => link !== undefined);
  const html = `<!doctype html>
<html${attributes({ campaign: input.campaignId, version: input.version, template: TEMPLATE_VERSION, frames })}>
<head>
<meta charset="utf-8">
${frames > 0 ? `<script>${FRAMES_SCRIPT}</script>\n` : ''}<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(input.name)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body${attributes({ fit: look.fit, transition: look.transition, background: look.background, qr: coded ? qrPosition : undefined })}>
${input.slides.map((slide) => sectionOf(slide, coded)).join('\n')}
${overlayOf(look)}<script>${STAGE_SCRIPT}</script>
</body>
</html>
`;
  return { html, sha256: createHash('sha256').update(html, 'utf8').digest('hex'), warnings };
}

/**
 * By hashes, since a page kept for ever can hold no nonce that is used once, and in a meta tag, since a frame made from text
 * has no headers. Assets come from anywhere; nothing else is loaded, sent or submitted.
 */
const POLICY = [
  "default-src 'none'",
  `script-src ${hashOf(STAGE_SCRIPT)}`,
  `style-src ${hashOf(PAGE_STYLE)}`,
  'img-src * blob: data:',
  'media-src * blob: data:',
  'frame-src * blob: data:',
  "connect-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`;
}

function sectionOf({ assetId, assetType, url, fallbackUrl, durationMs, link }: Slide, coded: boolean): string {
  const duration = durationMs ?? (assetType === 'video' ? 0 : DEFAULT_SLIDE_MS);
  return `<section${attributes({ 'asset-id': assetId, type: assetType, duration, src: url, fallback: fallbackUrl })}>${coded && link !== undefined ? qrSvg(link) : ''}</section>`;
}

function overlayOf({ text }: Look): string {
  return text.length === 0 ? '' : `<div class="text">${text.map((line) => `<p dir="auto">${escapeHtml(line)}</p>`).join('')}</div>\n`;
}

function attributes(data: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(data)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` data-${name}="${escapeHtml(String(value))}"`)
    .join('');
}

import type { AssetType } from '@marquee/contracts';
import { fileTypeFromBuffer } from 'file-type';

/** How many of the first bytes `sniff` wants; with fewer it judges by what there is. */
export const SNIFF_BYTES = 4100;

export interface Sniffed {
  type: string;
  assetType: AssetType;
}

/** What the browsers on screens can draw. TIFF, HEIC, AVI or MPEG-2 would install and then show nothing, so they are refused. */
const SHOWABLE: ReadonlyMap<string, AssetType> = new Map<string, AssetType>([
  ['image/png', 'image'],
  ['image/apng', 'image'],
  ['image/jpeg', 'image'],
  ['image/gif', 'image'],
  ['image/webp', 'image'],
  ['image/avif', 'image'],
  ['image/bmp', 'image'],
  ['image/x-icon', 'image'],
  ['video/mp4', 'video'],
  ['video/x-m4v', 'video'],
  ['video/quicktime', 'video'],
  ['video/webm', 'video'],
  ['video/matroska', 'video'],
  ['video/ogg', 'video'],
]);

/** Elements a page may begin with when it leaves out its doctype, after WHATWG MIME Sniffing §7.1. */
const HTML_START = /^<(?:html|head|body|title|meta|link|base|style|script|iframe|div|main|section|h1|table|font|a|b|br|p)(?=[\s/>])/i;
const DOCTYPE_HTML = /^<!doctype\s+html(?=[\s>[])/i;
const SVG_START = /^<svg(?=[\s/>])/;
/** What may stand before the first element: white space, comments, an XML declaration or other instructions. */
const PROLOGUE = /^(?:\s+|<!--[\s\S]*?-->|<\?[\s\S]*?\?>)/;
const DOCTYPE_SVG = /^<!doctype\s+svg\b[^[>]*(?:\[[\s\S]*?\]\s*)?>/i;
/** Bytes that no text holds (WHATWG MIME Sniffing §3, binary data byte): a page with one of them is something else in disguise. */
const BINARY = /[\u0000-\u0008\u000B\u000E-\u001A\u001C-\u001F]/;

/**
 * What the first bytes of a file are, or undefined when a screen could not show it. Text counts as HTML or SVG only where it
 * begins as such and holds no binary byte in the sample; plain text, scripts and bare XML are nothing.
 *
 * SVG is taken as an image: as `img` it runs no script and loads nothing. Opened by itself it would be a page that can run
 * script, so it is only ever served with `servingHeaders`, whose CSP sandbox takes that away.
 */
export async function sniff(head: Uint8Array): Promise<Sniffed | undefined> {
  const known = await fileTypeFromBuffer(head);
  if (known !== undefined && known.mime !== 'application/xml') {
    const assetType = SHOWABLE.get(known.mime);
    return assetType === undefined ? undefined : { type: known.mime, assetType };
  }
  return sniffText(new TextDecoder('latin1').decode(head).replace(/^\u00EF\u00BB\u00BF/, ''));
}

function sniffText(text: string): Sniffed | undefined {
  if (BINARY.test(text)) return undefined;
  let rest = text;
  for (let skipped = PROLOGUE.exec(rest); skipped !== null; skipped = PROLOGUE.exec(rest)) rest = rest.slice(skipped[0].length);
  if (DOCTYPE_HTML.test(rest) || HTML_START.test(rest)) return { type: 'text/html', assetType: 'html' };
  const doctype = DOCTYPE_SVG.exec(rest);
  if (doctype !== null) rest = rest.slice(doctype[0].length).replace(/^(?:\s+|<!--[\s\S]*?-->)+/, '');
  return SVG_START.test(rest) ? { type: 'image/svg+xml', assetType: 'image' } : undefined;
}

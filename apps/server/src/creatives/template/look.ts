import { FITS, QR_PLACES, TRANSITIONS } from '@marquee/contracts';
import { cssColour } from './colour.js';

export const MAX_TEXT_LINES = 10;
export const MAX_LINE_LENGTH = 500;
const PLACEHOLDER = /\{\{\s*metadata\.([^{}\s]{1,200})\s*\}\}/g;

/** What a campaign's `metadata` says about how its page looks; everything is text or one of a few words. */
export interface Look {
  fit: (typeof FITS)[number];
  transition: (typeof TRANSITIONS)[number];
  /** A CSS colour. */
  background: string;
  /** Where the QR codes of slides that lead somewhere are drawn. */
  qrPosition: (typeof QR_PLACES)[number];
  /** Lines drawn over the slides, placeholders filled in. Plain text. */
  text: string[];
}

type Metadata = Readonly<Record<string, unknown>>;

/** Reads the keys that the template understands. A value of a wrong kind is left out and named in `warnings`; nothing throws. */
export function readLook(metadata: Metadata): { look: Look; warnings: string[] } {
  const warnings: string[] = [];
  const given = <T>(key: string, read: (value: unknown) => T | undefined, fallback: T, must: string): T => {
    const value = own(metadata, key);
    if (value === undefined || value === null) return fallback;
    const read_ = read(value);
    if (read_ === undefined) warnings.push(`metadata.${key} must be ${must}: ignored`);
    return read_ ?? fallback;
  };
  const look: Look = {
    fit: given('fit', (value) => FITS.find((fit) => fit === value), 'contain', `one of ${FITS.join(', ')}`),
    transition: given('transition', (value) => TRANSITIONS.find((kind) => kind === value), 'none', `one of ${TRANSITIONS.join(', ')}`),
    background: given('background', (value) => (typeof value === 'string' ? cssColour(value) : undefined), '#000', 'a CSS colour'),
    qrPosition: given(
      'qrPosition',
      (value) => QR_PLACES.find((place) => place === value),
      'bottom-right',
      `one of ${QR_PLACES.join(', ')}`,
    ),
    text: given('text', readLines, [], `a text or a list of at most ${MAX_TEXT_LINES} texts`)
      .map((line) => cut(filledIn(line, metadata)))
      .filter((line) => line.trim() !== ''),
  };
  return { look, warnings };
}

function readLines(value: unknown): string[] | undefined {
  const lines: unknown[] = Array.isArray(value) ? value : [value];
  return lines.length <= MAX_TEXT_LINES && lines.every((line) => typeof line === 'string') ? lines : undefined;
}

/** `{{metadata.key}}` and `{{metadata.a.b}}` replaced by the text of that value, or by nothing; what was filled in is not read again. */
function filledIn(text: string, metadata: Metadata): string {
  return text.replace(PLACEHOLDER, (_, path: string) => {
    let value: unknown = metadata;
    for (const key of path.split('.')) value = own(value, key);
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
  });
}

/** Only what the planner wrote: nothing inherited, such as `constructor`. */
function own(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, key)?.value;
}

function cut(line: string): string {
  const characters = Array.from(line);
  return characters.length <= MAX_LINE_LENGTH ? line : `${characters.slice(0, MAX_LINE_LENGTH - 1).join('')}…`;
}

import { z } from 'zod';

const MAX_DEPTH = 32;
/** PostgreSQL's text and jsonb cannot hold U+0000, and a lone surrogate is no UTF-8. */
const UNSTORABLE = /\u0000|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

/** True when the text can be stored and shown: no NUL, no lone surrogate. */
export function isStorable(text: string): boolean {
  return !UNSTORABLE.test(text);
}

/** Text that can be stored: at most `max` UTF-16 units, no NUL, no lone surrogate. */
export function storableText(max: number): z.ZodString {
  return z.string().max(max).refine(isStorable, 'must not contain NUL or lone surrogates');
}

/** A text that a person reads, so not blank; surrounding white space is cut. */
export function label(max: number) {
  return storableText(max)
    .refine((text) => text.trim().length > 0, 'must not be blank')
    .transform((text) => text.trim());
}

/** Why a parsed JSON value cannot be stored as it is, or undefined. Walks without recursion, so depth cannot harm. */
export function unstorableJson(value: unknown, maxDepth = MAX_DEPTH): string | undefined {
  const open: { node: unknown; depth: number }[] = [{ node: value, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, depth } = next;
    if (typeof node === 'string' && !isStorable(node)) return 'must not contain NUL or lone surrogates';
    if (typeof node !== 'object' || node === null) continue;
    if (depth >= maxDepth) return `must not be nested deeper than ${maxDepth} levels`;
    for (const [key, child] of Object.entries(node)) {
      if (!isStorable(key)) return 'must not contain NUL or lone surrogates';
      open.push({ node: child, depth: depth + 1 });
    }
  }
  return undefined;
}

/** A JSON object of the caller's own making, bounded in depth and size (UTF-16 units of its JSON). */
export function freeObject(maxSize: number) {
  return z.record(z.string(), z.unknown()).superRefine((value, context) => {
    const reason =
      unstorableJson(value) ?? (JSON.stringify(value).length > maxSize ? `must be at most ${maxSize} characters of JSON` : undefined);
    if (reason !== undefined) context.addIssue({ code: 'custom', message: reason });
  });
}

/** Epoch milliseconds that a JavaScript Date and a bigint column can both hold. */
export const epochMs = z.int().min(0).max(8_640_000_000_000_000);

/** An http(s) URL with a host and without credentials; returned as it was written. */
export const httpUrl = storableText(2048).refine((text) => {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '' && url.username === '' && url.password === '';
}, 'must be an http or https URL without credentials');

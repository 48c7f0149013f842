import type { Draft } from './draft.js';

/** Reasons by form field, and those that belong to no field of the form. */
export interface FieldErrors {
  fields: Record<string, string>;
  rest: string[];
}

export interface Reason {
  /** In the request's body, joined by dots: `assets.0.url`. */
  path: string;
  reason: string;
}

/** Server messages (`field: reason`) by form field. `assets[0].url` is understood too. */
export function placeMessages(messages: string[], audience: Draft['audience']): FieldErrors {
  return placeErrors(reasonsIn(messages), audience);
}

/** Server messages (`field: reason`) as reasons. */
export function reasonsIn(messages: string[]): Reason[] {
  return messages.map((message) => {
    const [, path, reason] = /^([\w.[\]-]+): (.+)$/s.exec(message) ?? [];
    if (path === undefined || reason === undefined) return { path: '', reason: message };
    return { path: path.replace(/\[(\w+)\]/g, '.$1'), reason };
  });
}

/** Reasons of the request's body by the screen form's fields. */
export function placeErrors(reasons: Reason[], audience: Draft['audience']): FieldErrors {
  return placeBy(reasons, (path) => formField(path, audience));
}

/** Reasons of the request's body by the fields of a form; what fits none is kept with its path. The first reason of a field is shown. */
export function placeBy(reasons: Reason[], fieldOf: (path: string) => string | undefined): FieldErrors {
  const placed: FieldErrors = { fields: {}, rest: [] };
  for (const { path, reason } of reasons) {
    const field = fieldOf(path);
    if (field === undefined) placed.rest.push(path === '' ? reason : `${path}: ${reason}`);
    else placed.fields[field] ??= sentence(reason);
  }
  return placed;
}

const SAME = new Set(['name', 'startAt', 'expireAt', 'priority', 'dispatch', 'clickUrl']);
const AUDIENCE_FIELDS = { all: 'audience', groups: 'groups', tags: 'tagsAny', ids: 'ids' } as const;
const TAG_FIELDS: Record<string, string> = { any: 'tagsAny', all: 'tagsAll', none: 'tagsNone' };

function formField(path: string, audience: Draft['audience']): string | undefined {
  const [root = '', second = '', third = ''] = path.split('.');
  if (SAME.has(root)) return root;
  switch (root) {
    case 'assets':
      if (second === '') return 'slides';
      return `slides.${second}.${third === 'durationMs' ? 'seconds' : third === 'assetType' ? 'assetType' : 'url'}`;
    case 'metadata':
      return ['fit', 'background', 'transition', 'text', 'qrPosition'].includes(second) ? second : undefined;
    case 'audience':
      return second === 'tags' ? (TAG_FIELDS[third] ?? 'tagsAny') : AUDIENCE_FIELDS[audience];
    case 'window':
      return ['days', 'from', 'to', 'timeZone'].includes(second) ? `window.${second}` : 'window.days';
    default:
      return undefined;
  }
}

function sentence(reason: string): string {
  const text = reason.charAt(0).toUpperCase() + reason.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

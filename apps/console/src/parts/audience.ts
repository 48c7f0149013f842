import { DEVICE_ID_PATTERN, MAX_AUDIENCE_IDS, type ScreenAudience, screenAudience } from '@marquee/contracts';
import type { Draft } from '../campaigns/create/draft.js';

/** An audience as it is typed. */
export type AudienceDraft = Pick<Draft, 'audience' | 'groups' | 'tagsAny' | 'tagsAll' | 'tagsNone' | 'ids'>;

export function idsOf(text: string): string[] {
  return [...new Set(text.split(/[\s,;]+/).filter((id) => id !== ''))];
}

/** The audience that the form names, or what is missing or wrong, by form field. */
export function audienceOf(draft: AudienceDraft): { audience: ScreenAudience } | { errors: Record<string, string> } {
  switch (draft.audience) {
    case 'all':
      return { audience: { all: true } };
    case 'groups':
      return draft.groups.length === 0 ? { errors: { groups: 'Name at least one group.' } } : checked({ groups: draft.groups }, 'groups');
    case 'tags': {
      const tags = {
        ...(draft.tagsAny.length > 0 ? { any: draft.tagsAny } : {}),
        ...(draft.tagsAll.length > 0 ? { all: draft.tagsAll } : {}),
        ...(draft.tagsNone.length > 0 ? { none: draft.tagsNone } : {}),
      };
      return Object.keys(tags).length === 0 ? { errors: { tagsAny: 'Name at least one tag.' } } : checked({ tags }, 'tagsAny');
    }
    case 'ids': {
      const ids = idsOf(draft.ids);
      if (ids.length === 0) return { errors: { ids: 'Name at least one screen.' } };
      if (ids.length > MAX_AUDIENCE_IDS) return { errors: { ids: `At most ${MAX_AUDIENCE_IDS} screens; use a group or tag for more.` } };
      const wrong = ids.find((id) => !DEVICE_ID_PATTERN.test(id));
      if (wrong !== undefined) return { errors: { ids: `“${wrong}” is not a device id (letters, digits, . _ : - only, at most 128).` } };
      return checked({ ids }, 'ids');
    }
  }
}

function checked(audience: ScreenAudience, field: string): { audience: ScreenAudience } | { errors: Record<string, string> } {
  const parsed = screenAudience.safeParse(audience);
  return parsed.success ? { audience: parsed.data } : { errors: { [field]: 'A name is too long, or there are too many.' } };
}

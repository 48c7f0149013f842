import type { ScreenAudience } from '@marquee/contracts';
import { nullable, t } from './statement.js';

/** An audience as statements take it: null where it does not restrict. */
export interface AudienceArguments {
  ids: string[] | null;
  groups: string[] | null;
  anyTags: string[] | null;
  allTags: string[] | null;
  noTags: string[] | null;
}

/** What a statement takes that says `MEANT`. */
export const audience = {
  ids: nullable(t.texts),
  groups: nullable(t.texts),
  anyTags: nullable(t.texts),
  allTags: nullable(t.texts),
  noTags: nullable(t.texts),
};

/** True of a row `s` of devices that the audience means. The sub-select makes a hash of many ids; `= any` would walk them for each row. */
export const MEANT = `
  ($ids is null or s.device_id in (select unnest($ids)))
  and ($groups is null or s.group_id = any($groups))
  and ($anyTags is null or s.tags && $anyTags)
  and ($allTags is null or s.tags @> $allTags)
  and ($noTags is null or not s.tags && $noTags)`;

export function audienceArguments(wanted: ScreenAudience): AudienceArguments {
  const everyone: AudienceArguments = { ids: null, groups: null, anyTags: null, allTags: null, noTags: null };
  if ('all' in wanted) return everyone;
  if ('ids' in wanted) return { ...everyone, ids: wanted.ids };
  return {
    ...everyone,
    groups: wanted.groups ?? null,
    anyTags: wanted.tags?.any ?? null,
    allTags: wanted.tags?.all ?? null,
    noTags: wanted.tags?.none ?? null,
  };
}

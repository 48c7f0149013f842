import type { ContactAudience } from '@marquee/contracts';
import { nullable, t } from './statement.js';

/** An audience of contacts as statements take it: null where it does not restrict. */
export interface ContactAudienceArguments {
  ids: string[] | null;
  anyTags: string[] | null;
  allTags: string[] | null;
  noTags: string[] | null;
}

/** What a statement takes that says `CONTACT_MEANT`. */
export const contactAudienceTakes = {
  ids: nullable(t.texts),
  anyTags: nullable(t.texts),
  allTags: nullable(t.texts),
  noTags: nullable(t.texts),
};

/** True of a row `c` of contacts that the audience means. The sub-select makes a hash of many ids; `= any` would walk them for each row. */
export const CONTACT_MEANT = `
  ($ids is null or c.id in (select unnest($ids)))
  and ($anyTags is null or c.tags && $anyTags)
  and ($allTags is null or c.tags @> $allTags)
  and ($noTags is null or not c.tags && $noTags)`;

export function contactAudienceArguments(wanted: ContactAudience): ContactAudienceArguments {
  const everyone: ContactAudienceArguments = { ids: null, anyTags: null, allTags: null, noTags: null };
  if ('all' in wanted) return everyone;
  if ('ids' in wanted) return { ...everyone, ids: wanted.ids };
  const { any, all, none } = wanted.tags;
  return { ...everyone, anyTags: any ?? null, allTags: all ?? null, noTags: none ?? null };
}

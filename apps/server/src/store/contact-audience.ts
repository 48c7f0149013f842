import type { ContactAudience } from '@marquee/contracts';
import { nullable, t } from './statement.js';

/** An audience of contacts as statements take it: null where it does not restrict. */
export interface ContactAudienceArguments {
  ids: string[] | null;
  anyTags: string[] | null;
  allTags: string[] | null;
  noTags: string[] | null;
}

/** What a statement takes that says `TAGS_FIT` and `NAMED_CONTACTS`. */
export const contactAudienceTakes = {
  ids: nullable(t.texts),
  anyTags: nullable(t.texts),
  allTags: nullable(t.texts),
  noTags: nullable(t.texts),
};

/** True of a row `c` of contacts that an audience without ids means. */
export const TAGS_FIT = `
  ($anyTags is null or c.tags && $anyTags) and ($allTags is null or c.tags @> $allTags) and ($noTags is null or not c.tags && $noTags)`;

/** Contacts `c` that an audience of ids means, none of any other: looked up one by one, where a condition on all contacts would read them all. */
export const NAMED_CONTACTS = '(select distinct unnest($ids) as id) as named join contacts c using (id)';

export function contactAudienceArguments(wanted: ContactAudience): ContactAudienceArguments {
  const everyone: ContactAudienceArguments = { ids: null, anyTags: null, allTags: null, noTags: null };
  if ('all' in wanted) return everyone;
  if ('ids' in wanted) return { ...everyone, ids: wanted.ids };
  const { any, all, none } = wanted.tags;
  return { ...everyone, anyTags: any ?? null, allTags: all ?? null, noTags: none ?? null };
}

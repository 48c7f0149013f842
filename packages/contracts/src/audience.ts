import { z } from 'zod';
import { label, storableText } from './text.js';
import { DEVICE_ID_PATTERN } from './topics.js';

export const MAX_AUDIENCE_IDS = 20_000;
/** Most recipients that a rehearsal makes up. */
export const MAX_COUNTED = 10_000_000;

const tagList = z.array(label(128)).min(1).max(100);
export const tagFilter = z
  .strictObject({ any: tagList.optional(), all: tagList.optional(), none: tagList.optional() })
  .refine((tags) => tags.any !== undefined || tags.all !== undefined || tags.none !== undefined, 'must name any, all or none');

const everyone = z.strictObject({ all: z.literal(true) });

/** Which screens a campaign is meant for; `groups` and `tags` together mean both. */
export const screenAudience = z.union([
  everyone,
  z.strictObject({ ids: z.array(z.string().regex(DEVICE_ID_PATTERN)).min(1).max(MAX_AUDIENCE_IDS) }),
  z
    .strictObject({ groups: z.array(label(128)).min(1).max(1000).optional(), tags: tagFilter.optional() })
    .refine((audience) => audience.groups !== undefined || audience.tags !== undefined, 'must name all, ids, groups or tags'),
]);
export type ScreenAudience = z.infer<typeof screenAudience>;

/** What a contact is called: any text of at most 128 characters, as it came. */
export const contactId = storableText(128).min(1);

/** Which contacts a campaign is meant for. */
export const contactAudience = z.union(
  [everyone, z.strictObject({ ids: z.array(contactId).min(1).max(MAX_AUDIENCE_IDS) }), z.strictObject({ tags: tagFilter })],
  { error: `must be {all: true}, {ids: […]} with at most ${MAX_AUDIENCE_IDS} of them, or {tags: {any, all, none: […]}}` },
);
export type ContactAudience = z.infer<typeof contactAudience>;

/** So many recipients that nobody is: for rehearsals and measurements. */
export const countedAudience = z.strictObject({ count: z.int().min(1).max(MAX_COUNTED) });
export type CountedAudience = z.infer<typeof countedAudience>;

/** Whom a rehearsal is for: made-up recipients, or contacts to whom nothing is sent. */
export const rehearsalAudience = z.union([countedAudience, ...contactAudience.options]);
export type RehearsalAudience = z.infer<typeof rehearsalAudience>;

import { z } from 'zod';
import { contactId } from './audience.js';
import { ianaZone } from './recurrence.js';
import { importReport } from './screens.js';
import { freeObject, label, storableText } from './text.js';

const email = storableText(254).regex(z.regexes.unicodeEmail, 'must be an email address');
const phone = storableText(40).regex(/^\+?[ ()./-]*(?:\d[ ()./-]*){3,20}$/, 'must be a telephone number');

/** Zones that were found to be known: asking costs some 20 µs, and a file of a million lines names few. */
const knownZones = new Set<string>();
const MOST_ZONES = 2000;
const timeZone = z.string().refine((zone) => {
  if (knownZones.has(zone)) return true;
  if (!ianaZone.safeParse(zone).success) return false;
  if (knownZones.size >= MOST_ZONES) knownZones.clear();
  knownZones.add(zone);
  return true;
}, 'must be an IANA time zone');

/** `PUT /contacts/:id`: what is absent is set to its default. A tag that is named twice is kept once. */
export const putContact = z.object({
  email: email.nullable().default(null),
  phone: phone.nullable().default(null),
  attributes: freeObject(16_384).default({}),
  tags: z
    .array(label(128))
    .max(100)
    .default([])
    .transform((tags) => [...new Set(tags)]),
  timeZone: timeZone.nullable().default(null),
});
export type PutContact = z.infer<typeof putContact>;

/** One line of an import; in CSV `tags` is separated by `;` or `|`, and a column of another name is an attribute. */
export const importContact = putContact.extend({ id: contactId });
export type ImportContact = z.infer<typeof importContact>;

export const contactView = z.object({
  id: z.string(),
  email: z.string().nullable(),
  phone: z.string().nullable(),
  attributes: z.record(z.string(), z.unknown()),
  tags: z.array(z.string()),
  timeZone: z.string().nullable(),
  /** Epoch ms. */
  createdAt: z.int(),
  /** Epoch ms of its last change; to be put as it is already is none. */
  updatedAt: z.int(),
});
export type ContactView = z.infer<typeof contactView>;

export const contactImportReport = importReport.extend({
  /** Lines that say what was known already. */
  unchanged: z.int(),
});
export type ContactImportReport = z.infer<typeof contactImportReport>;

/** `q`: a part of the id, the email address or the phone number, in any letter case. */
export const contactQuery = { q: label(128).optional(), tag: label(128).optional() };

import type { Readable } from 'node:stream';
import { type ContactImportReport, type ImportContact, importContact } from '@marquee/contracts';
import { type FileToImport, importLines } from '../kit/import/import-lines.js';
import { type Importing, tagsOf } from '../kit/import/importing.js';
import type { Contacts } from './contacts.service.js';

/**
 * Imports contacts, as `importLines` says. A line says all of a contact: what it leaves out is taken away. A line that says what is
 * known already counts as `unchanged` and touches nothing.
 */
export async function importContacts(contacts: Contacts, source: Readable, file: FileToImport): Promise<ContactImportReport> {
  const importing: Importing<ImportContact> = {
    schema: importContact,
    keyOf: (contact) => contact.id,
    columns: ['id', 'email', 'phone', 'tags', 'timeZone'],
    fromCells: ({ id, email, phone, tags, timeZone }, attributes) => ({
      value: { id, email, phone, tags: tagsOf(tags), timeZone, attributes },
    }),
    put: (rows) => contacts.putAll(rows),
  };
  return await importLines(source, file, importing);
}

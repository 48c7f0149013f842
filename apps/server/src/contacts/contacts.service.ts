import { contactId, type ContactView, type ImportContact, type Page, type PutContact } from '@marquee/contracts';
import { ProblemError } from '../kit/errors.js';
import type { Taken } from '../kit/import/importing.js';
import { decodeCursor, pageOf } from '../kit/paging.js';
import type { Database } from '../store/database.js';
import type { ValuesOf } from '../store/statement.js';
import { countContacts, deleteContact, findContact, listContacts, putContacts, totalContacts } from './contacts.store.js';

export interface ContactQuery {
  tag?: string | undefined;
  q?: string | undefined;
  offset: number;
  limit: number;
  cursor?: string | undefined;
}

/** The recipients of the channels that send to people and systems. */
export class Contacts {
  constructor(private readonly database: Database) {}

  async list(query: ContactQuery): Promise<Page<ContactView>> {
    const after = decodeCursor(query.cursor, (id) => contactId.safeParse(id).success);
    const filter = { tag: query.tag ?? null, part: query.q ?? null };
    const { read } = this.database;
    const [rows, counted] = await Promise.all([
      read.run(listContacts, { ...filter, after: after ?? '', skip: after === undefined ? query.offset : 0, most: query.limit + 1 }),
      filter.tag === null && filter.part === null ? read.run(totalContacts, {}) : read.run(countContacts, filter),
    ]);
    return pageOf(rows, { total: counted[0]?.n ?? 0, offset: query.offset, limit: query.limit }, contactView, (row) => row.id);
  }

  /** NOT_FOUND when nobody has that id. */
  async get(id: string): Promise<ContactView> {
    const [row] = await this.database.run(findContact, { id });
    if (row === undefined) throw nobody(id);
    return contactView(row);
  }

  /** Enters the contact, or sets all that can be set of it. */
  async put(id: string, contact: PutContact): Promise<ContactView> {
    await this.putAll([{ id, ...contact }]);
    return await this.get(id);
  }

  /** As `put`, for many in one statement, each id once. */
  async putAll(contacts: ImportContact[]): Promise<Taken> {
    const [row] = await this.database.run(putContacts, {
      ids: contacts.map((contact) => contact.id),
      emails: contacts.map((contact) => contact.email),
      phones: contacts.map((contact) => contact.phone),
      attributes: contacts.map((contact) => JSON.stringify(contact.attributes)),
      tags: contacts.map((contact) => JSON.stringify(contact.tags)),
      timeZones: contacts.map((contact) => contact.timeZone),
    });
    const { imported, updated } = row ?? { imported: 0, updated: 0 };
    return { imported, updated, unchanged: contacts.length - imported - updated };
  }

  /** NOT_FOUND when nobody has that id. */
  async delete(id: string): Promise<void> {
    const [row] = await this.database.run(deleteContact, { id });
    if (row === undefined) throw nobody(id);
  }
}

function nobody(id: string): ProblemError {
  return new ProblemError('NOT_FOUND', `there is no contact ${id}`);
}

function contactView(row: ValuesOf<typeof findContact.gives>): ContactView {
  return {
    id: row.id,
    email: row.email,
    phone: row.phone,
    attributes: row.attributes as Record<string, unknown>,
    tags: row.tags,
    timeZone: row.time_zone,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

import {
  contactId,
  contactImportReport,
  contactQuery,
  contactView,
  pageOf,
  pageQuery,
  type PutContact,
  putContact,
} from '@marquee/contracts';
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Put, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Contacts } from '../contacts/contacts.service.js';
import { importContacts } from '../contacts/import.js';
import type { HttpSettings } from './assets.controller.js';
import { importOf, takesImport } from './imports.js';
import { answers } from './openapi.js';
import { CONTACTS, HTTP_SETTINGS } from './tokens.js';

const byContact = z.object({ id: contactId });
const listQuery = z.object({ ...pageQuery, ...contactQuery });

@Controller('contacts')
export class ContactsController {
  constructor(
    @Inject(CONTACTS) private readonly contacts: Contacts,
    @Inject(HTTP_SETTINGS) private readonly settings: HttpSettings,
  ) {}

  @Get()
  @answers('Contacts, by id', pageOf(contactView))
  list(@Query({ schema: listQuery }) query: z.output<typeof listQuery>) {
    return this.contacts.list(query);
  }

  @Post('import')
  @HttpCode(200)
  @takesImport()
  @answers(
    'Import contacts from CSV or JSON Lines; lines that are not valid are reported and the rest kept; the same file again changes nothing',
    contactImportReport,
  )
  import(@Req() request: FastifyRequest) {
    const { source, file } = importOf(request, this.settings.importMaxBytes);
    return importContacts(this.contacts, source, file);
  }

  @Get(':id')
  @answers('One contact', contactView)
  get(@Param({ schema: byContact }) { id }: z.output<typeof byContact>) {
    return this.contacts.get(id);
  }

  @Put(':id')
  @answers('Enter a contact, or set all that is known of it', contactView)
  put(@Param({ schema: byContact }) { id }: z.output<typeof byContact>, @Body({ schema: putContact }) body: PutContact) {
    return this.contacts.put(id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @answers('Forget a contact; what it was sent stays in the account', z.undefined(), 204)
  async delete(@Param({ schema: byContact }) { id }: z.output<typeof byContact>): Promise<void> {
    await this.contacts.delete(id);
  }
}

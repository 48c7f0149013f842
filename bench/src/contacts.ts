import { ROUTES } from '@marquee/contracts';
import type { Api } from './api.js';

const LINES_A_REQUEST = 50_000;

/** Imports contacts c-1 and so on. */
export async function importContacts(api: Api, count: number): Promise<void> {
  for (let from = 1; from <= count; from += LINES_A_REQUEST) {
    const contacts = Array.from({ length: Math.min(LINES_A_REQUEST, count - from + 1) }, (_, index) => {
      const id = `c-${from + index}`;
      return { id, email: `${id}@example.com`, tags: ['bench'], attributes: { plan: 'gold' } };
    });
    await importLines(api, contacts);
  }
}

/** Imports contacts in one request. */
export async function importLines(api: Api, contacts: readonly object[]): Promise<void> {
  const reply = await fetch(api.url + ROUTES.contactImport, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: contacts.map((contact) => `${JSON.stringify(contact)}\n`).join(''),
  });
  if (!reply.ok) throw new Error(`the contacts were not taken: ${reply.status} ${await reply.text()}`);
  await reply.body?.cancel();
}

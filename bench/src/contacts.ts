import type { Api } from './api.js';

const LINES_A_REQUEST = 50_000;

/** Imports contacts c-0000001 and so on. */
export async function importContacts(api: Api, count: number): Promise<void> {
  for (let from = 1; from <= count; from += LINES_A_REQUEST) {
    const lines = Array.from({ length: Math.min(LINES_A_REQUEST, count - from + 1) }, (_, index) =>
      JSON.stringify({ id: contactName(from + index) }),
    );
    const reply = await fetch(`${api.url}/contacts/import`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: lines.join('\n'),
    });
    if (!reply.ok) throw new Error(`the import answered ${reply.status}: ${await reply.text()}`);
    await reply.body?.cancel();
  }
}

function contactName(index: number): string {
  return `c-${String(index).padStart(7, '0')}`;
}

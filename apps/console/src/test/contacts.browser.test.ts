import type { Page } from '@marquee/testing';
import { describe, expect, it } from 'vitest';
import { chromium, eachPage, HOSTILE, type Opened, PAGE_TEST_MS } from './each-page.js';
import type { FakeApi } from './fake-api.js';
import { contactRow } from './fixtures.js';

describe.skipIf(chromium === undefined)('contacts in the console', { timeout: PAGE_TEST_MS }, () => {
  let api: FakeApi;
  let page: Page;
  let open: Opened['open'];
  let shot: Opened['shot'];
  eachPage((opened) => {
    ({ api, page, open, shot } = opened);
  });

  const rows = () => page.getByRole('table', { name: 'Contacts' }).locator('tbody tr');

  it('leads from an empty list by a file to its contacts, and says which lines were not taken', async () => {
    await open('/');
    await page.getByRole('navigation').getByRole('link', { name: 'Contacts' }).click();
    await page.getByText('No contacts yet').waitFor();
    await page.getByRole('button', { name: 'Import' }).last().click();
    await page.setInputFiles('input[type=file]', { name: 'people.jsonl', mimeType: '', buffer: Buffer.from('{"id":"c-1"}\n') });
    api.contactReport = {
      imported: 997_000,
      updated: 12,
      unchanged: 500,
      rejected: Array.from({ length: 1000 }, (_, index) => ({ line: index + 2, reason: `email: ${HOSTILE}` })),
      rejectedTotal: 2488,
    };
    api.contacts = [contactRow()];
    await page.getByRole('dialog').getByRole('button', { name: 'Import', exact: true }).click();
    await page.getByText('997,000 new, 12 updated, 500 unchanged, 2,488 rejected.').waitFor();
    await page
      .getByRole('cell', { name: `email: ${HOSTILE}` })
      .first()
      .waitFor();
    await page.getByText('and 2,288 more').waitFor();
    await shot('contacts-import');
    expect(api.sent('POST', '/contacts/import')).toMatchObject([{ contentType: 'application/x-ndjson', body: '{"id":"c-1"}\n' }]);
    await page.getByRole('dialog').getByRole('button', { name: 'Close', exact: true }).last().click();
    await rows().first().waitFor();
    await expect.poll(() => rows().first().innerText()).toContain('ann@example.test');
  });

  it('finds by search and tag, which stand in its address, and shows what came from outside as text', async () => {
    api.contacts = Array.from({ length: 60 }, (_, index) =>
      contactRow({
        id: `c-${index}`,
        tags: index % 2 === 0 ? ['even', 'a', 'b', 'c', 'd'] : ['odd'],
        timeZone: index % 3 === 0 ? null : 'Europe/Vienna',
      }),
    );
    api.contacts.unshift(
      contactRow({ id: HOSTILE, email: null, phone: null, tags: [HOSTILE], attributes: { [HOSTILE]: { deep: HOSTILE } } }),
    );
    await open('/console/contacts');
    await page.getByText('1–25 of 61 contacts').waitFor();
    await shot('contacts');
    expect(await page.evaluate(() => (window as { hit?: number }).hit)).toBeUndefined();
    await page.getByRole('button', { name: 'Page 3' }).click();
    await page.getByText('51–61 of 61 contacts').waitFor();
    await page.getByRole('combobox', { name: 'Tag' }).fill('odd');
    await page.getByText('1–25 of 30 contacts').waitFor();
    await page.getByRole('combobox', { name: 'Search' }).fill('c-5');
    await page.getByText('1–6 of 6 contacts').waitFor();
    expect(new URL(page.url()).search).toBe('?tag=odd&q=c-5');
    await page.reload();
    await page.getByText('1–6 of 6 contacts').waitFor();
    await page.getByRole('combobox', { name: 'Search' }).fill('nobody');
    await page.getByText('No contact fits').waitFor();
    await page.setViewportSize({ width: 390, height: 800 });
    await page.getByRole('button', { name: 'Show every contact' }).click();
    await page.getByText('1–25 of 61 contacts').waitFor();
    await shot('contacts-phone');
    await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  });
});

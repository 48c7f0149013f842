import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';

let flow: Flow;
beforeAll(async () => {
  flow = await Flow.start();
  await flow.http.send('PUT', '/screens/hall-1', { body: { groupId: 'hall', tags: ['big', 'led'] } });
  await flow.http.send('PUT', '/screens/hall-2', { body: { groupId: 'hall', tags: ['led'] } });
  await flow.http.send('PUT', '/screens/yard-1', { body: { groupId: 'yard', tags: ['big', 'outside'] } });
  await flow.http.send('PUT', '/screens/bare', { body: {} });
  // As an outside tool does it, without a word to the server.
  await flow.sql(`insert into devices (device_id, group_id, status) values ('by-sql', 'hall', 'offline')`);
});
afterAll(() => flow.stop());

const FIRST = ['bare', 'by-sql', 'hall-1', 'hall-2', 'yard-1'];

async function recipientsOf(campaign: string): Promise<string[]> {
  const rows = await flow.sql<{ recipient: string }>('select recipient from deliveries where campaign_id = $1 order by recipient', [
    campaign,
  ]);
  return rows.map((row) => row.recipient);
}

/** The recipients, once nothing of the targeting is left to do. */
async function reached(campaign: string): Promise<string[]> {
  await eventually(async () => expect((await flow.http.read(`/campaigns/${campaign}`)).status).toBe('active'));
  return await recipientsOf(campaign);
}

/** Nothing joins any more: every screen was given what targets it. */
async function untilJoined(): Promise<void> {
  await eventually(async () => expect(await flow.sql('select from devices where to_join')).toHaveLength(0));
}

describe('an audience', () => {
  test.each<[string, Record<string, unknown>, string[]]>([
    ['all', { all: true }, FIRST],
    ['ids, also of no screen', { ids: ['bare', 'hall-1', 'nobody', 'bare'] }, ['bare', 'hall-1']],
    ['groups', { groups: ['hall', 'none'] }, ['by-sql', 'hall-1', 'hall-2']],
    ['any tag', { tags: { any: ['big', 'led'] } }, ['hall-1', 'hall-2', 'yard-1']],
    ['all tags', { tags: { all: ['big', 'led'] } }, ['hall-1']],
    ['no tag', { tags: { none: ['led'] } }, ['bare', 'by-sql', 'yard-1']],
    ['any and none', { tags: { any: ['big'], none: ['outside'] } }, ['hall-1']],
    ['a group and a tag', { groups: ['hall', 'yard'], tags: { any: ['big'] } }, ['hall-1', 'yard-1']],
    ['nobody', { groups: ['none'] }, []],
  ])('of %s reaches those and counts them', async (_, audience, expected) => {
    const count = await flow.http.post('/audiences/count', { audience });
    expect(count.json()).toEqual({ count: expected.length });
    const created = await flow.create({ audience: audience as { all: true } });
    expect(await reached(created.id)).toEqual(expected);
    await eventually(async () =>
      expect((await flow.http.read(`/campaigns/${created.id}`)).counts).toMatchObject({
        SUCCESS: expected.length,
        PENDING: 0,
        IN_PROGRESS: 0,
        SENDING: 0,
        FAILED: 0,
      }),
    );
  });
});

test('screens that come later get the live campaigns that mean them, once each; nobody else does', async () => {
  const everyone = await flow.create({ audience: { all: true } });
  const group = await flow.create({ audience: { groups: ['late'] } });
  const tagged = await flow.create({ audience: { tags: { any: ['late'] } } });
  const ids = await flow.create({ audience: { ids: ['enrolled', 'hall-2'] } });
  const over = await flow.create({ audience: { all: true } });
  const waiting = await flow.create({ audience: { all: true }, dispatch: 'manual' });
  for (const { id } of [everyone, group, tagged, ids, over]) await reached(id);
  await flow.http.post(`/campaigns/${over.id}/cancel`);

  const enrolled = await flow.screen('enrolled');
  const csv = 'deviceId,groupId,tags\nimported,late,late;x\n';
  const imported = await flow.http.send('POST', '/screens/import', { body: csv, headers: { 'content-type': 'text/csv' } });
  expect(imported.json()).toEqual({ imported: 1, updated: 0, rejected: [], rejectedTotal: 0 });
  await flow.http.send('PUT', '/screens/yard-1', { body: { groupId: 'late', tags: ['outside'] } });
  await flow.sql(`insert into devices (device_id, tags) values ('later-by-sql', '{late}')`);

  await enrolled.manifests.first((manifest) => manifest.campaignId === everyone.id);
  await enrolled.manifests.first((manifest) => manifest.campaignId === ids.id);
  await untilJoined();
  expect(await recipientsOf(everyone.id)).toEqual([...FIRST, 'enrolled', 'imported', 'later-by-sql'].sort());
  expect(await recipientsOf(group.id)).toEqual(['imported', 'yard-1']);
  expect(await recipientsOf(tagged.id)).toEqual(['imported', 'later-by-sql']);
  expect(await recipientsOf(ids.id)).toEqual(['enrolled', 'hall-2']);
  expect(await recipientsOf(over.id)).toEqual(FIRST);
  expect(await recipientsOf(waiting.id)).toEqual([]);

  await comeAgain(everyone.id, group.id);
  expect(enrolled.manifests.all.map((manifest) => manifest.campaignId).sort()).toEqual(expect.arrayContaining([everyone.id, ids.id]));
  for (const { id } of [group, tagged, over, waiting]) expect(enrolled.offersOf(id)).toBe(0);
});

/** Screens that say the same again, or move there and back, get nothing twice. */
async function comeAgain(everyone: string, group: string): Promise<void> {
  const before = await recipientsOf(everyone);
  await flow.http.send('PUT', '/screens/yard-1', { body: { groupId: 'yard' } });
  await flow.http.send('PUT', '/screens/yard-1', { body: { groupId: 'late' } });
  await flow.http.send('PUT', '/screens/imported', { body: { groupId: 'late', tags: ['late', 'x'] } });
  await flow.sql('update devices set to_join = true');
  await flow.http.send('PUT', '/screens/newest', { body: {} });
  await untilJoined();
  expect(await recipientsOf(everyone)).toEqual([...before, 'newest'].sort());
  expect(await recipientsOf(group)).toEqual(['imported', 'yard-1']);
}

test('an import reports what it took and what it could not, and takes 3,000 lines', async () => {
  const lines = Array.from({ length: 3000 }, (_, index) =>
    JSON.stringify({ deviceId: `bulk-${index}`, groupId: 'bulk', metadata: { index } }),
  );
  lines.splice(10, 0, '{"deviceId": "with space"}', 'no json', '{"deviceId": "bulk-0", "tags": "x"}', '');
  const send = () =>
    flow.http.send('POST', '/screens/import', { body: `${lines.join('\n')}\n`, headers: { 'content-type': 'application/x-ndjson' } });
  const first = await send();
  expect(first.status, first.text).toBe(200);
  expect(first.json()).toEqual({
    imported: 3000,
    updated: 0,
    rejected: [
      { line: 11, reason: expect.stringContaining('deviceId') },
      { line: 12, reason: expect.stringContaining('JSON') },
      { line: 13, reason: expect.stringContaining('tags') },
    ],
    rejectedTotal: 3,
  });
  expect((await send()).json()).toMatchObject({ imported: 0, updated: 3000 });
  const created = await flow.create({ audience: { groups: ['bulk'] } });
  expect(await reached(created.id)).toHaveLength(3000);
});

test('a screen that is forgotten takes its events with it and is not offered anything; it may come back', async () => {
  const screen = await flow.screen('short-lived');
  const created = await flow.create({ audience: { ids: ['short-lived', 'bare'] } });
  await screen.manifests.first((manifest) => manifest.campaignId === created.id);
  await eventually(async () => expect(await flow.sql(`select from delivery_events where device_id = 'short-lived'`)).not.toHaveLength(0));
  await screen.close();
  // Its will is a status too, and would register it again.
  await eventually(async () => expect((await flow.http.read('/screens/short-lived')).status).toBe('offline'));
  expect((await flow.http.send('DELETE', '/screens/short-lived')).status).toBe(204);
  expect((await flow.http.get('/screens/short-lived')).status).toBe(404);
  expect((await flow.http.send('DELETE', '/screens/short-lived')).status).toBe(404);
  expect(await flow.sql(`select from delivery_events where device_id = 'short-lived'`)).toHaveLength(0);
  const back = await flow.screen('short-lived', { installed: [] });
  await back.manifests.first((manifest) => manifest.campaignId === created.id);
});

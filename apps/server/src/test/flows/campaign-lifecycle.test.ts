import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, within } from '../support/eventually.js';
import { Flow } from '../support/flow.js';

let flow: Flow;
beforeAll(async () => {
  flow = await Flow.start();
});
afterAll(() => flow.stop());

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==', 'base64');

async function upload(bytes: Buffer): Promise<{ url: string; sha256: string; sizeBytes: number; type: string }> {
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(bytes)]), 'picture.png');
  const answer = await fetch(`${flow.server.url}/assets`, { method: 'POST', body: form });
  expect(answer.status).toBe(201);
  return (await answer.json()) as { url: string; sha256: string; sizeBytes: number; type: string };
}

test('a campaign from its creation to a screen that is clean of it', async () => {
  const screen = await flow.screen('lobby.1:a', { answers: false });
  await eventually(async () => expect((await flow.http.get('/screens/lobby.1:a')).status).toBe(200));
  const kept = await upload(PNG);
  const url = `${kept.url}?campaign=1&quote="`;
  const created = await flow.create({
    name: 'Spring',
    assets: [
      { assetType: 'image', url: kept.url, durationMs: 3000 },
      { assetType: 'image', url: 'https://unknown.invalid/a%20b.png?x=1&y=<2>' },
    ],
    metadata: { fit: 'cover', nested: { a: [1, 2] } },
  });
  expect(url).not.toBe('');
  expect(created).toMatchObject({ name: 'Spring', version: 1, status: 'draft', epoch: 0, paused: false });

  const manifest = await within(5000, 'the manifest', screen.manifests.first());
  expect(manifest).toMatchObject({ campaignId: created.id });
});

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EventStream } from '../support/event-stream.js';
import { eventually, within } from '../support/eventually.js';
import { campaignBody, Flow } from '../support/flow.js';
import { Gate } from '../support/gate.js';
import { expectProblem } from '../support/http-client.js';

let flow: Flow;
let gate: Gate;
beforeAll(async () => {
  flow = await Flow.start({}, async (database) => {
    const url = new URL(database);
    gate = await Gate.before(url.hostname, Number(url.port));
    url.host = `127.0.0.1:${gate.port}`;
    return url.href;
  });
});
afterAll(async () => {
  await flow.stop();
  await gate.shut();
});

const acknowledged = (id: string, n: number): Promise<void> =>
  eventually(async () => expect((await flow.http.read(`/campaigns/${id}`)).counts.acknowledged).toBe(n));

test('while it is away requests are told so, and nothing that screens say is lost', async () => {
  const screen = await flow.screen('known', { answers: false });
  await eventually(async () => expect((await flow.http.get('/screens/known')).status).toBe(200));
  const campaign = await flow.create();
  await within(30_000, 'the manifest', screen.manifests.first());
  const stream = await EventStream.open(`${flow.server.url}/campaigns/events`);

  await gate.shut();
  const body = campaignBody(flow.server.url);
  for (const answer of [
    await flow.http.post('/campaigns', body),
    await flow.http.get('/campaigns'),
    await flow.http.get(`/campaigns/${campaign.id}`),
  ]) {
    expectProblem(answer, 503, 'DATABASE_UNAVAILABLE');
    expect(answer.headers['retry-after']).toBe('1');
  }
  expect((await flow.http.get('/healthz')).status).toBe(200);
  const unready = await flow.http.get('/readyz');
  expect([unready.status, unready.json().unready]).toEqual([503, ['the database cannot be reached']]);
  // The broker cuts who cannot be answered for, so that it says it again.
  const ack = screen.say('INSTALL_ACK', campaign.id).then(
    () => 'acknowledged',
    () => 'cut',
  );
  const newcomer = await flow.screen('newcomer');
  await flow.screen('known-2');
  // Nobody answers for what is not stored.
  const early = await Promise.race([ack, delay(1500, 'waiting')]);
  expect(early).not.toBe('acknowledged');

  await gate.open();
  await eventually(async () => expect((await flow.http.get('/readyz')).status).toBe(200));
  await eventually(() => screen.say('INSTALL_ACK', campaign.id));
  await within(
    30_000,
    'the manifest',
    newcomer.manifests.first((manifest) => manifest.campaignId === campaign.id),
  );
  await acknowledged(campaign.id, 3);
  const again = await flow.http.post('/campaigns', body);
  expect(again.status, again.text).toBe(201);
  await within(
    30_000,
    'the manifest',
    newcomer.manifests.first((manifest) => manifest.campaignId === again.json().id),
  );
  await within(
    30_000,
    'its event',
    stream.first(({ data }) => data.campaignId === again.json().id),
  );
  stream.close();
});

test('a campaign made just before it went away is out when it is back, at the latest when the lease of its fact ends', async () => {
  const screen = await flow.screen('patient');
  await eventually(async () => expect((await flow.http.get('/screens/patient')).status).toBe(200));
  const created = await Promise.all(Array.from({ length: 10 }, () => flow.create()));
  await gate.shut();
  // Cut, since this cannot be stored: what is handed over until it is back reaches nobody, and is offered as it says that it is online.
  const cut = screen.say('DISPLAY_START', created[0]?.id ?? '').catch(() => undefined);
  await delay(500);
  await gate.open();
  await cut;
  for (const { id } of created)
    await within(
      90_000,
      'the manifest',
      screen.manifests.first((manifest) => manifest.campaignId === id),
    );
}, 150_000);

test('an end while it is away comes soon and in good order', async () => {
  await gate.shut();
  const { code, output } = await flow.server.signal('SIGTERM', 30_000);
  expect(code, output).toBe(0);
  await gate.open();
  await flow.revive();
});

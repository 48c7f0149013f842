import { findProgram, requireOrSkip } from '@marquee/testing';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Mosquitto } from '../support/mosquitto.js';
import { Processes } from '../support/processes.js';
import type { ServerProcess } from '../support/server-process.js';

let processes: Processes | undefined;
let broker: Mosquitto | undefined;
afterEach(async () => {
  const left = processes;
  processes = undefined;
  await left?.stop();
  await broker?.remove();
  broker = undefined;
});

const SCREENS = 300;
const mosquitto = requireOrSkip(findProgram('mosquitto'), 'mosquitto');

/** A rehearsal to so many recipients that takes some seconds. */
async function rehearse(at: ServerProcess, count: number): Promise<string> {
  const body = {
    name: 'A rehearsal',
    channel: 'null',
    audience: { count },
    content: { latencyMs: 50 },
    idempotencyKey: randomUUID(),
  };
  const created = await at.http.post('/campaigns', body);
  expect(created.status, created.text).toBe(201);
  const { id } = created.json();
  await eventually(async () => {
    const started = await at.http.post(`/campaigns/${id}/dispatch`);
    expect(started.status, started.text).toBe(200);
  });
  return id as string;
}

test('rooms in processes of their own share the work, and each may end in good order in the middle of it', async () => {
  const all = (processes = await Processes.at());
  const front = await all.start('api,gateway');
  const rooms = new Map<string, ServerProcess>();
  for (const [name, roles] of [
    ['dispatch', 'dispatch'],
    ['one worker', 'worker'],
    ['the other worker', 'worker'],
  ] as const)
    rooms.set(name, await all.start(roles));
  await all.fleet(SCREENS);
  await all.online(front, SCREENS);
  await all.acknowledged(front, await all.create(front), SCREENS);

  for (const [name, room] of rooms) {
    const rehearsal = await rehearse(front, 3000);
    await eventually(async () => expect((await front.http.read(`/campaigns/${rehearsal}`)).counts.SUCCESS).toBeGreaterThan(100));
    const { code, output } = await room.signal('SIGTERM');
    expect(code, `${name}: ${output}`).toBe(0);
    const meanwhile = await all.create(front);
    rooms.set(name, await all.start(name === 'dispatch' ? 'dispatch' : 'worker'));
    await all.acknowledged(front, meanwhile, SCREENS, 30_000);
    await eventually(
      async () => expect((await front.http.read(`/campaigns/${rehearsal}`)).counts).toMatchObject({ SUCCESS: 3000, UNKNOWN: 0, FAILED: 0 }),
      30_000,
    );
  }

  const { code, output } = await front.signal('SIGTERM');
  expect(code, output).toBe(0);
  const again = await all.start('api,gateway', front);
  await all.online(again, SCREENS);
  await all.acknowledged(again, await all.create(again), SCREENS);
}, 240_000);

test('of two processes either may be killed again and again; every acknowledgement that the broker took is a row', async () => {
  const all = (processes = await Processes.at());
  let [one, other] = [await all.start(), await all.start()];
  const fleet = await all.fleet(SCREENS);
  await all.online(other, SCREENS);
  for (let round = 0; round < 4; round += 1) {
    const campaign = await all.create(round % 2 === 0 ? one : other);
    await delay(100 * round);
    await one.kill();
    await all.acknowledged(other, campaign, SCREENS, 30_000);
    [one, other] = [other, await all.start('all', one)];
  }
  await eventually(() => expect(fleet.counts().sent).toBe(fleet.counts().accepted));
}, 240_000);

test.skipIf(mosquitto === undefined)(
  'of two gateways at an outside broker one takes what screens say, and the other when that one is dead',
  async () => {
    broker = await Mosquitto.start(mosquitto ?? '');
    const all = (processes = await Processes.at({ MQTT_URL: broker.url, LOG_LEVEL: 'debug' }));
    const [first, second, worker] = [await all.start(), await all.start(), await all.start('worker')];
    const fleet = await all.fleet(SCREENS, broker.url);
    await all.online(second, SCREENS);
    await all.acknowledged(second, await all.create(first), SCREENS);
    const intakes = [first, second, worker].map((each) => each.printed.split('subscribed to acknowledgements').length - 1);
    expect(intakes).toEqual([1, 0, 0]);

    const during = await all.create(second);
    await fleet.manifests(during.id).reached(SCREENS / 5);
    await first.kill();
    await all.acknowledged(second, during, SCREENS, 30_000);
    expect(second.printed).toContain('subscribed to acknowledgements');
  },
  120_000,
);

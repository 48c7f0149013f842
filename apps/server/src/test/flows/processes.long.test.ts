import { afterEach, test } from 'vitest';
import { Processes } from '../support/processes.js';

let processes: Processes | undefined;
afterEach(async () => {
  const left = processes;
  processes = undefined;
  await left?.stop();
});

const SCREENS = 300;

test('two processes on one folder are one Marquee, and the death of the one that has broker and database costs seconds', async () => {
  const all = (processes = await Processes.at());
  const first = await all.start();
  const second = await all.start();
  const fleet = await all.fleet(SCREENS);
  await all.online(second, SCREENS);

  const before = await all.create(second);
  await all.acknowledged(first, before, SCREENS);
  const during = await all.create(first);
  await fleet.manifests(during.id).reached(SCREENS / 5);
  await first.kill();

  await fleet.manifests(during.id).reached(SCREENS);
  await all.acknowledged(second, during, SCREENS);
  await all.online(second, SCREENS);
  const after = await all.create(second);
  await all.acknowledged(second, after, SCREENS);

  const again = await all.start('all', first);
  const last = await all.create(again);
  await all.acknowledged(second, last, SCREENS);
}, 120_000);

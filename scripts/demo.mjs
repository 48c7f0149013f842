// The server, 50 simulated screens and one campaign on all of them, so that a newcomer sees it live. Ctrl-C ends everything.
import './node-version.mjs';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { buildOrExit } from './build.mjs';
import { picture } from './picture.mjs';

const SCREENS = 50;
/** The screen that the reader opens. */
const SCREEN = 'demo-browser';
const HOUR_MS = 3_600_000;
const READY_MS = 60_000;

await buildOrExit('server', 'player', 'console', 'packages');
const { readConfig } = await import('../apps/server/dist/config/config.js');
// The server lives in this process, so that Ctrl-C, signals and the exit code are its own. It reads the settings itself, and
// complains about them.
await import('../apps/server/dist/main.js');
const config = readConfig(process.env);
const host = config.host.includes(':') ? `[${config.host}]` : config.host.replace(/^0\.0\.0\.0$/, '127.0.0.1');
const api = config.apiBaseUrl ?? `${config.tlsCert === undefined ? 'http' : 'https'}://${host}:${config.port}`;

try {
  await untilReady();
  const fleet = startScreens(config.mqttUrl ?? `${config.tlsCert === undefined ? 'mqtt' : 'mqtts'}://${host}:${config.mqttPort}`);
  // Whatever ends the server ends the screens.
  process.on('exit', () => fleet.kill());
  const { id } = await createCampaign();
  const { codes } = await call(`/campaigns/${id}/codes?deviceId=${SCREEN}`);
  const player = `${api}/player/?deviceId=${SCREEN}&brokerUrl=${encodeURIComponent((await call('/client-config')).brokerUrl)}`;
  process.stdout.write(`
The demo is running: ${SCREENS} simulated screens, one campaign on all of them.
  watch it arrive   ${api}/console/campaigns/${id}
  be a screen       ${player}
  follow its code   ${codes[0].link}
  see it counted    ${api}/console/clicks
Ctrl-C ends it.
`);
} catch (error) {
  process.stderr.write(`The demo could not be set up: ${error.message}\n`);
  process.kill(process.pid, 'SIGTERM');
}

async function untilReady() {
  const deadline = Date.now() + READY_MS;
  while (Date.now() < deadline) {
    const ready = await fetch(`${api}/readyz`).catch(() => undefined);
    if (ready?.ok) return;
    await sleep(100);
  }
  throw new Error(`the server did not become ready at ${api} within ${READY_MS / 1000} s`);
}

function startScreens(broker) {
  const cli = fileURLToPath(new URL('../packages/simulator/dist/cli.js', import.meta.url));
  return spawn(process.execPath, [cli, '--screens', String(SCREENS), '--prefix', 'demo-', '--broker', broker], { stdio: 'inherit' });
}

async function createCampaign() {
  const slides = [
    { from: [15, 23, 42], to: [14, 165, 233], disc: [250, 204, 21] },
    { from: [76, 5, 25], to: [244, 114, 182], disc: [255, 255, 255] },
  ];
  const assets = [];
  for (const colours of slides) {
    const form = new FormData();
    form.set('file', new Blob([picture({ width: 1280, height: 720, ...colours })], { type: 'image/png' }), 'slide.png');
    const { url } = await call('/assets', { method: 'POST', body: form });
    assets.push({ assetType: 'image', url, durationMs: 4000 });
  }
  const now = Date.now();
  return await call('/campaigns', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      name: 'Demo',
      startAt: now,
      expireAt: now + HOUR_MS,
      assets,
      // Who follows the code sees it counted, also without the internet.
      clickUrl: `${api}/console/clicks`,
      idempotencyKey: randomUUID(),
    }),
  });
}

async function call(path, request) {
  const response = await fetch(`${api}${path}`, request);
  const text = await response.text();
  if (!response.ok) throw new Error(`${request?.method ?? 'GET'} ${path} was answered by ${response.status} ${text}`);
  return JSON.parse(text);
}

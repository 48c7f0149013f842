import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathTo } from '@marquee/contracts';
import { launchChromium, type Page } from '@marquee/testing';
import { report } from './result.js';
import { Scratch } from './scratch.js';
import { type ServerProcess, serverPlace, startServer } from './server-process.js';
import { CuttableNetwork } from './soak/cuttable-network.js';
import { Planner } from './soak/planner.js';
import { ScreenBrowser } from './soak/screen-browser.js';
import { Watch } from './soak/watch.js';

export interface SoakOptions {
  minutes: number;
  /** Where pictures of screen and console go at each step; none without it. */
  pictures?: string;
}

const DEVICE = 'soak-screen';
const MINUTE_MS = 60_000;
/** What the screen says late because it was cut off may be told until then. */
const TELL_MS = 90_000;
/** A look a second sees a showing a second too long or too short at either end, and none while the browser starts. */
const SEEN_SHARE = 0.05;
const SEEN_MS = 10_000;

/** Everything that the hour is made of. */
interface Stage {
  scratch: Scratch;
  server: ServerProcess;
  environment: Record<string, string>;
  network: CuttableNetwork;
  planner: Planner;
  watch: Watch;
  console: Page;
  playerUrl: string;
  profile: string;
  /** The moment that a minute of the plan falls on, epoch ms. */
  at: (minute: number) => number;
}

interface Step {
  minute: number;
  name: string;
  run: (stage: Stage) => unknown;
}

/** The plan is one of sixty minutes; a shorter soak runs through it faster. */
const PLAN: readonly Step[] = [
  {
    minute: 0,
    name: 'a campaign for the whole hour',
    run: ({ planner, at }) => planner.plan('Harbour', '#0b5', { startAt: at(0), expireAt: at(70) }),
  },
  {
    minute: 3,
    name: 'an equal, in turn with it',
    run: ({ planner, at }) => planner.plan('Market', '#05b', { startAt: at(4), expireAt: at(40) }),
  },
  {
    minute: 5,
    name: 'one of higher priority, to start while the network is cut',
    run: ({ planner, at }) => planner.plan('Regatta', '#b50', { startAt: at(12), expireAt: at(16), priority: 5 }),
  },
  { minute: 8, name: 'the network is cut', run: ({ network }) => network.set('cut') },
  { minute: 18, name: 'the network is back', run: ({ network }) => network.set('up') },
  { minute: 22, name: 'the network goes dark: nobody is told', run: ({ network }) => network.set('dark') },
  {
    minute: 25,
    name: 'the page is loaded again in the dark',
    run: reload,
  },
  {
    minute: 27,
    name: 'a campaign is planned that the screen cannot hear of',
    run: ({ planner, at }) => planner.plan('Lantern', '#808', { startAt: at(28), expireAt: at(52) }),
  },
  { minute: 30, name: 'the power of the screen fails', run: powerFails },
  { minute: 31, name: 'and comes back, without a network', run: powerReturns },
  { minute: 36, name: 'Market is cancelled while the screen cannot hear it', run: cancelMarket },
  { minute: 42, name: 'the network is back', run: ({ network }) => network.set('up') },
  { minute: 48, name: 'the server is killed', run: serverDies },
  { minute: 50, name: 'and started again', run: serverReturns },
  { minute: 56, name: 'the server is asked to end, and started again', run: serverRestarts },
];

/** One real screen through an hour of troubles: what the console said of it against what was on it, at every second. */
export async function soak(options: SoakOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const stage = await open(scratch, options);
    stage.watch.start();
    stage.watch.screen = await ScreenBrowser.open(stage.profile, stage.playerUrl);
    for (const step of PLAN) {
      await untilMoment(stage.at(step.minute));
      process.stderr.write(`minute ${step.minute}: ${step.name}\n`);
      await step.run(stage);
      await picture(stage, options, step);
    }
    await untilMoment(stage.at(60));
    await stage.watch.stop();
    const plays = await playsAgree(stage);
    await picture(stage, options, { minute: 60, name: 'the end' });
    await stage.watch.screen?.kill();
    await tell(options, stage, plays);
  });
}

async function open(scratch: Scratch, { minutes }: SoakOptions): Promise<Stage> {
  const place = await serverPlace(scratch);
  const network = new CuttableNetwork();
  scratch.defer(() => network.close());
  const [http, ws] = [await network.wayTo(place.http), await network.wayTo(place.ws)];
  // Screens get all over their own network; planner and console sit beside the server.
  const environment = { API_BASE_URL: `http://127.0.0.1:${http}` };
  const server = await startServer(scratch, environment, place);
  const browser = await launchChromium();
  scratch.defer(() => browser.close());
  const consolePage = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await consolePage.goto(server.api);
  const planner = await Planner.open(server.api, consolePage);
  const watch = new Watch(DEVICE, network, planner);
  scratch.defer(() => watch.stop());
  const begun = Date.now() + 15_000;
  return {
    scratch,
    server,
    environment,
    network,
    planner,
    watch,
    console: await browser.newPage({ viewport: { width: 1280, height: 900 } }),
    playerUrl: `http://127.0.0.1:${http}/player/?deviceId=${DEVICE}&brokerUrl=${encodeURIComponent(`ws://127.0.0.1:${ws}`)}`,
    profile: join(scratch.folder, 'profile'),
    at: (minute) => begun + (minute / 60) * minutes * MINUTE_MS,
  };
}

async function reload({ watch }: Stage): Promise<void> {
  await watch.screen?.page.reload({ waitUntil: 'commit' }).catch(() => undefined);
  watch.begunAnew();
}

async function powerFails({ watch }: Stage): Promise<void> {
  const { screen } = watch;
  watch.screen = undefined;
  await screen?.kill();
}

async function powerReturns({ watch, profile, playerUrl }: Stage): Promise<void> {
  watch.screen = await ScreenBrowser.open(profile, playerUrl);
}

async function cancelMarket({ planner, server }: Stage): Promise<void> {
  const market = planner.parts.find((part) => part.name === 'Market');
  if (market === undefined) return;
  await fetch(server.api + pathTo('cancel', market.id), { method: 'POST' });
  market.cancelledAt = Date.now();
}

async function serverDies({ server, watch }: Stage): Promise<void> {
  watch.serverUp = false;
  await server.kill();
}

async function serverReturns(stage: Stage): Promise<void> {
  const { scratch, environment, server, watch } = stage;
  stage.server = await startServer(scratch, environment, server.place);
  watch.serverUp = true;
}

async function serverRestarts(stage: Stage): Promise<void> {
  stage.watch.serverUp = false;
  await stage.server.stop();
  await serverReturns(stage);
}

interface PlaysOf {
  campaign: string;
  seenMs: number;
  toldMs: number;
  agree: boolean;
}

/** Proof of play against what was seen: the screen tells its showings late, so it is waited for. */
async function playsAgree({ planner, watch }: Stage): Promise<PlaysOf[]> {
  const deadline = Date.now() + TELL_MS;
  for (;;) {
    const all = await Promise.all(
      planner.parts.map(async ({ id, name }): Promise<PlaysOf> => {
        const reply = await fetch(`${planner.api.url}/plays?campaignId=${id}&deviceId=${DEVICE}&bucket=hour`);
        const { total } = (await reply.json()) as { total: { durationMs: number } };
        const seenMs = watch.seenMs.get(id) ?? 0;
        const agree = Math.abs(total.durationMs - seenMs) <= SEEN_SHARE * seenMs + SEEN_MS;
        return { campaign: name, seenMs, toldMs: total.durationMs, agree };
      }),
    );
    if (all.every((each) => each.agree) || Date.now() > deadline) return all;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

async function tell(options: SoakOptions, { watch, planner }: Stage, plays: PlaysOf[]): Promise<void> {
  const { disagreements, looks } = watch;
  const seen = Object.fromEntries(planner.parts.map(({ id, name }) => [`${name}SeenMs`, watch.seenMs.get(id) ?? 0]));
  const told = Object.fromEntries(plays.map(({ campaign, toldMs }) => [`${campaign}ToldMs`, toldMs]));
  await report({
    bench: 'soak',
    options: { minutes: options.minutes },
    ours: { looks, disagreements: disagreements.length, ...told },
    floor: seen,
    ratio: {},
    targets: {
      'the console was right at every look': disagreements.length === 0,
      'proof of play is what was seen': plays.every(({ agree }) => agree),
    },
    runs: { floors: [], ours: [{ disagreements, plays }] },
  });
  if (disagreements.length > 0 || plays.some(({ agree }) => !agree)) process.exitCode = 1;
}

async function picture(
  { watch, console, server }: Stage,
  { pictures }: SoakOptions,
  { minute, name }: Pick<Step, 'minute' | 'name'>,
): Promise<void> {
  if (pictures === undefined) return;
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  await mkdir(pictures, { recursive: true });
  const file = join(pictures, `${String(minute).padStart(2, '0')}-${name.replaceAll(/[^a-z]+/gi, '-')}`);
  const shot = await watch.screen?.page.screenshot({ timeout: 10_000 }).catch(() => undefined);
  if (shot !== undefined) await writeFile(`${file}-screen.png`, shot);
  if (!watch.serverUp) return;
  await console.goto(`${server.api}/console/screens/${DEVICE}`).catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await writeFile(`${file}-console.png`, await console.screenshot({ fullPage: true }));
}

async function untilMoment(at: number): Promise<void> {
  for (let left = at - Date.now(); left > 0; left = at - Date.now())
    await new Promise((resolve) => setTimeout(resolve, Math.min(left, 60_000)));
}

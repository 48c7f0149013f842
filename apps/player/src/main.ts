import type { Schedule } from '@marquee/contracts/player';
import { askServer, CorrectedClock } from './clock.js';
import { sha256Hex } from './digest.js';
import { gatherFacts, type LinkState } from './facts.js';
import { Installer } from './installer.js';
import { Library } from './library.js';
import { Link } from './link.js';
import { type Offer, readControl, readOffer } from './manifest.js';
import { Outbox } from './outbox.js';
import { PlayLog } from './plays.js';
import { Programme } from './programme.js';
import { Screenshots } from './screenshot.js';
import { findBroker, keptBy, readSettings, type Settings, SettingError } from './settings.js';
import { Stage } from './stage.js';
import { Store } from './store.js';
import { byId, View } from './view.js';

/** How long the first picture waits for the server's time: a screen with a wrong clock must not show a wrong campaign first. */
const FIRST_ESTIMATE_MS = 1_000;
/** The retained status is brought up to date at most this often: every screen says it to the one server. */
const STATUS_AGAIN_MS = 60_000;
const HOUR_MS = 3_600_000;
/** A fleet whose server was away asks for the time again over this long, not all at once. */
const ESTIMATE_SPREAD_MS = 20_000;
/** A reload gives its lock back within this, so only a real second tab is told. */
const TAB_NOTICE_MS = 500;
/** As many campaigns as one status message may name. */
const MAX_LISTED = 1_000;
/** No letter or digit that is mistaken for another across a room. */
const NAME_LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';

function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => NAME_LETTERS[byte % NAME_LETTERS.length]).join('');
}

function ownUrl(path: string): string {
  return new URL(path, location.href).href;
}

/**
 * Resolves when no other tab of this browser is this screen: two would take the connection from each other for ever. Where the
 * browser has no locks (no secure context), at once.
 */
function soleTab(deviceId: string, waiting: () => void): Promise<void> {
  if (!('locks' in navigator)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const held = (): Promise<never> => {
      clearTimeout(timer);
      resolve();
      // The lock is given back when the page goes away.
      return new Promise(() => undefined);
    };
    const timer = setTimeout(waiting, TAB_NOTICE_MS);
    navigator.locks.request(`marquee-player:${deviceId}`, held).catch(reject);
  });
}

/** Builds the screen and lets it run; the one place that knows every part. */
async function run(view: View, settings: Settings, finding: Promise<string>): Promise<void> {
  const { deviceId } = settings;
  const clock = new CorrectedClock(askServer(ownUrl('/time')));
  const estimated = Promise.race([clock.estimate(), new Promise((resolve) => setTimeout(resolve, FIRST_ESTIMATE_MS))]);
  const store = await Store.open(deviceId);
  store.onLost(() => location.reload());
  const outbox = new Outbox(deviceId, store, clock);
  const library = new Library(store, new Installer(store, clock, sha256Hex), outbox, clock, () => programme.refresh());
  let schedule: Schedule<Offer> | undefined;
  const plays = new PlayLog(store, outbox, clock);
  const stage = new Stage(byId(document, 'display'), byId(document, 'wings'), window, {
    appeared: (act) => plays.appeared(act),
    slide: (act, assetId) => plays.slide(act, assetId),
    left: () => plays.end(),
    misbehaved: (act, reason) => programme.bench(act, reason),
  });
  const programme = new Programme(library, store, stage, outbox, clock, (latest) => {
    schedule = latest;
    tell();
  });
  const screenshots = new Screenshots(stage, window, (playing) => ({
    title: deviceId,
    lines: playing ? ['A campaign is shown that gives no picture of itself'] : view.idleLines,
  }));
  await Promise.all([library.load(), outbox.load(), plays.begin()]);
  window.addEventListener('pagehide', () => plays.end());

  const brokerUrl = await finding;
  let link: LinkState = 'starting';
  const tell = (): void =>
    view.show(
      gatherFacts({ settings, brokerUrl, link, library, outbox, clock, schedule, benched: programme.benched, secure: isSecureContext }),
    );
  tell();
  const connection = new Link(brokerUrl, deviceId, {
    report: () => ({
      installed: library.campaigns.slice(0, MAX_LISTED).map(({ campaignId, offer }) => ({ campaignId, version: offer.version })),
      clockOffsetMs: clock.offsetMs,
    }),
    onManifest: (text) => takeManifest(text, library, outbox),
    onControl: (text) => takeControl(text, library, view, screenshots),
    onConnected: (connected) => {
      if (connected && link === 'reconnecting') setTimeout(() => void clock.estimate(), Math.random() * ESTIMATE_SPREAD_MS);
      link = connected ? 'connected' : 'reconnecting';
      outbox.connect(connected ? (event) => connection.publishEvent(event) : undefined);
      tell();
    },
  });

  await estimated;
  library.expire();
  await programme.begin();
  await library.sweep();
  setInterval(() => connection.refreshStatus(), STATUS_AGAIN_MS);
  setInterval(() => void Promise.all([library.sweep(), clock.estimate()]), HOUR_MS);
  // Asked for, so that the browser does not clear the campaigns away when the disk runs short.
  if (isSecureContext) await navigator.storage.persist();
}

function takeManifest(text: string, library: Library, outbox: Outbox): void {
  const read = readOffer(text, location.href);
  if (read.ok) {
    library.offer(read.offer);
    return;
  }
  console.warn('manifest refused:', read.reason);
  if (read.campaign !== undefined) void outbox.recordError(read.campaign, read.reason);
}

function takeControl(text: string, library: Library, view: View, screenshots: Screenshots): void {
  const control = readControl(text);
  if (control?.type === 'revoke') void library.revoke(control.campaignId);
  else if (control?.type === 'identify') view.identify();
  else if (control?.type === 'reload') location.reload();
  else if (control?.type === 'screenshot') void screenshots.take(control.uploadUrl);
}

const view = new View(document);
try {
  const kept = keptBy(window);
  const settings = readSettings(new URLSearchParams(location.search), kept, randomName);
  const finding =
    settings.brokerUrl === undefined ? findBroker(ownUrl('/client-config'), location, kept) : Promise.resolve(settings.brokerUrl);
  await soleTab(settings.deviceId, () =>
    view.fail(`${settings.deviceId} is open in another tab of this browser. Close that one, or open this page with another ?deviceId=… .`),
  );
  await run(view, settings, finding);
} catch (error) {
  console.error(error);
  const why = error instanceof Error ? error.message : 'no reason given';
  view.fail(
    error instanceof SettingError ? why : `The storage of this browser cannot be used (${why}). Allow it for this page, then reload.`,
  );
}

import { CorrectedClock, askServer } from './clock.js';
import { sha256Hex } from './digest.js';
import { Installer } from './installer.js';
import { Library } from './library.js';
import { Link } from './link.js';
import { type Offer, readControl, readOffer } from './manifest.js';
import { Outbox } from './outbox.js';
import { Programme } from './programme.js';
import type { Schedule } from './schedule.js';
import { findBroker, keptBy, readSettings, SettingError } from './settings.js';
import { Stage } from './stage.js';
import { Store } from './store.js';
import { type Facts, View } from './view.js';

/** How long the first picture waits for the server's time: a screen with a wrong clock must not show a wrong campaign first. */
const FIRST_ESTIMATE_MS = 1_000;
/** The retained status names what is installed; it is said anew at most this often, since every screen would say it to the one server. */
const STATUS_AGAIN_MS = 60_000;
const SWEEP_MS = 3_600_000;
const ESTIMATE_MS = 3_600_000;
/** As many as one status message may name. */
const MAX_LISTED = 1_000;

const view = new View(document);

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/** Four groups of a random name, readable across a room. */
function randomName(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  return Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => letters[byte % letters.length]).join('');
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function stateOf(offer: Offer, schedule: Schedule<Offer> | undefined, now: number): string {
  const is = (other: Offer): boolean => other.campaignId === offer.campaignId;
  if (schedule?.onAir.some(is)) return schedule.shown !== undefined && is(schedule.shown) ? 'on the screen' : 'on air, another has its turn';
  if (schedule?.open.some(is)) return 'outranked by a higher priority';
  return offer.startAt > now ? `starts ${new Date(offer.startAt).toLocaleString()}` : 'outside of its hours';
}

async function run(): Promise<void> {
  const kept = keptBy(window);
  const settings = readSettings(new URLSearchParams(location.search), kept, randomName);
  const { deviceId } = settings;
  const finding = settings.brokerUrl ?? findBroker(new URL('/client-config', location.href).href, location, kept);
  const clock = new CorrectedClock(askServer(new URL('/time', location.href).href));
  const estimated = Promise.race([clock.estimate(), delay(FIRST_ESTIMATE_MS)]);

  const store = await Store.open(deviceId);
  store.onLost(() => location.reload());
  const outbox = new Outbox(deviceId, store, clock);
  const library = new Library(store, new Installer(store, clock, sha256Hex), outbox, clock, () => programme.refresh());
  const stage = new Stage(element('display'), element('wings'), window);
  let schedule: Schedule<Offer> | undefined;
  const programme = new Programme(library, store, stage, outbox, clock, (latest) => {
    schedule = latest;
    tell();
  });
  await Promise.all([library.load(), outbox.load()]);

  const brokerUrl = await finding;
  let link: Facts['link'] = 'starting';
  const tell = (): void => {
    const offers = library.campaigns.map(({ offer, missing }) => ({ offer, missing: missing.length }));
    const starts = offers.map(({ offer }) => offer.startAt).filter((at) => at > clock.now());
    view.show({
      deviceId,
      ownName: settings.ownName,
      brokerUrl,
      link,
      playing: schedule?.shown !== undefined,
      nextStart: starts.length === 0 ? undefined : Math.min(...starts),
      installing: library.installing,
      clockOffsetMs: clock.offsetMs,
      waitingEvents: outbox.size,
      campaigns: offers.map(({ offer, missing }) => ({
        campaignId: offer.campaignId,
        version: offer.version,
        state: stateOf(offer, schedule, clock.now()),
        missing,
      })),
      notes: isSecureContext ? [] : ['Opened over plain HTTP by name: campaigns are kept and played, but this page itself is not there without its server.'],
    });
  };
  tell();

  const connection = new Link(brokerUrl, deviceId, {
    report: () => ({
      installed: library.campaigns.slice(0, MAX_LISTED).map(({ campaignId, offer }) => ({ campaignId, version: offer.version })),
      clockOffsetMs: clock.offsetMs,
    }),
    onManifest: (text) => {
      const read = readOffer(text, location.href);
      if (read.ok) library.offer(read.offer);
      else {
        console.warn('manifest refused:', read.reason);
        if (read.campaign !== undefined) void outbox.recordError(read.campaign, read.reason);
      }
    },
    onControl: (text) => {
      const control = readControl(text);
      if (control?.type === 'revoke') void library.revoke(control.campaignId);
      else if (control?.type === 'identify') view.identify();
      else if (control?.type === 'reload') location.reload();
    },
    onConnected: (connected) => {
      link = connected ? 'connected' : 'reconnecting';
      outbox.connect(connected ? (event) => connection.publishEvent(event) : undefined);
      if (connected) void clock.estimate().then(() => programme.refresh());
      tell();
    },
  });
  window.addEventListener('online', () => connection.wake());

  await estimated;
  library.expire();
  await programme.begin();
  void library.sweep();
  setInterval(() => connection.publishStatus(), STATUS_AGAIN_MS);
  setInterval(() => void library.sweep(), SWEEP_MS);
  setInterval(() => void clock.estimate(), ESTIMATE_MS);
  if (isSecureContext) void navigator.storage.persist();
}

run().catch((error: unknown) => {
  console.error(error);
  if (error instanceof SettingError) view.fail(error.message);
  else view.fail(`The storage of this browser cannot be used (${error instanceof Error ? error.message : 'no reason given'}). Allow it for this page, then reload.`);
});

import { ownUrl, Screen } from './screen.js';
import { findBroker, keptBy, readSettings, SettingError } from './settings.js';
import { Store } from './store.js';
import { View } from './view.js';

/** A reload gives its lock back within this, so only a real second tab is told. */
const TAB_NOTICE_MS = 500;
/** No letter or digit that is mistaken for another across a room. */
const NAME_LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';

function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => NAME_LETTERS[byte % NAME_LETTERS.length]).join('');
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

const view = new View(document);
try {
  const kept = keptBy(window);
  const settings = readSettings(new URLSearchParams(location.search), kept, randomName);
  const finding =
    settings.brokerUrl === undefined ? findBroker(ownUrl('/client-config'), location, kept) : Promise.resolve(settings.brokerUrl);
  await soleTab(settings.deviceId, () =>
    view.fail(`${settings.deviceId} is open in another tab of this browser. Close that one, or open this page with another ?deviceId=… .`),
  );
  const store = await Store.open(settings.deviceId);
  await new Screen(view, settings, store, kept).run(finding);
} catch (error) {
  console.error(error);
  const why = error instanceof Error ? error.message : 'no reason given';
  view.fail(
    error instanceof SettingError ? why : `The storage of this browser cannot be used (${why}). Allow it for this page, then reload.`,
  );
}

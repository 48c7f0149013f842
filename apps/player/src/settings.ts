import { DEVICE_ID_PATTERN } from '@marquee/contracts/player';

const KEPT_DEVICE = 'marquee.deviceId';
const KEPT_BROKER = 'marquee.brokerUrl';
const CONFIG_TIMEOUT_MS = 3_000;
const DEFAULT_WS_PORT = 9001;

/** What is kept over a reload; the browser's localStorage, or nothing where that is switched off. */
export type Kept = Pick<Storage, 'getItem' | 'setItem'>;

export interface Settings {
  deviceId: string;
  /** True when the page made the id up, because nobody gave one. */
  ownName: boolean;
  /** From the query; undefined: ask the server. */
  brokerUrl: string | undefined;
  /** From the query; undefined: as much as the browser grants. */
  maxStorageBytes: number | undefined;
}

/** A wrong setting: the message is one sentence that names it. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}

export function isBrokerUrl(text: unknown): text is string {
  try {
    return typeof text === 'string' && /^wss?:$/.test(new URL(text).protocol);
  } catch {
    return false;
  }
}

/** Reads the page's query. Without `deviceId` the screen gets a name of its own, the same after every reload. */
export function readSettings(query: URLSearchParams, kept: Kept, random: () => string): Settings {
  const brokerUrl = query.get('brokerUrl') ?? '';
  if (brokerUrl !== '' && !isBrokerUrl(brokerUrl))
    throw new SettingError('brokerUrl in the address of this page must be a ws:// or wss:// URL.');
  const given = query.get('deviceId') ?? '';
  if (given !== '' && !DEVICE_ID_PATTERN.test(given)) {
    throw new SettingError('deviceId in the address of this page must be 1 to 128 letters, digits, dots, colons, dashes or underscores.');
  }
  const most = query.get('maxStorageMb') ?? '';
  if (most !== '' && !/^[1-9]\d{0,8}$/.test(most))
    throw new SettingError('maxStorageMb in the address of this page must be a whole number above 0.');
  const own = given === '' ? ownName(kept, random) : given;
  return {
    deviceId: own,
    ownName: given === '',
    brokerUrl: brokerUrl === '' ? undefined : brokerUrl,
    maxStorageBytes: most === '' ? undefined : Number(most) * 1024 * 1024,
  };
}

function ownName(kept: Kept, random: () => string): string {
  const before = kept.getItem(KEPT_DEVICE);
  if (before !== null && DEVICE_ID_PATTERN.test(before)) return before;
  const name = `screen-${random()}`;
  kept.setItem(KEPT_DEVICE, name);
  return name;
}

/**
 * The broker that the page's own server names at `configUrl`. Where it does not answer, the one that it named last, else the
 * WebSocket port of the server's host: a screen that starts while its server is down finds its broker all the same.
 */
export async function findBroker(configUrl: string, page: Pick<Location, 'protocol' | 'hostname'>, kept: Kept): Promise<string> {
  try {
    const response = await fetch(configUrl, { cache: 'no-store', signal: AbortSignal.timeout(CONFIG_TIMEOUT_MS) });
    const body: unknown = response.ok ? await response.json() : undefined;
    const named = typeof body === 'object' && body !== null && 'brokerUrl' in body ? body.brokerUrl : undefined;
    if (isBrokerUrl(named)) {
      kept.setItem(KEPT_BROKER, named);
      return named;
    }
  } catch {
    // No server, or no such route: what follows is the answer to that.
  }
  const before = kept.getItem(KEPT_BROKER);
  if (isBrokerUrl(before)) return before;
  return `${page.protocol === 'https:' ? 'wss' : 'ws'}://${page.hostname}:${DEFAULT_WS_PORT}`;
}

/** localStorage, or a stand-in that forgets: reading it throws where the browser forbids it. */
export function keptBy(page: Pick<Window, 'localStorage'>): Kept {
  const forgetful: Kept = { getItem: () => null, setItem: () => undefined };
  try {
    const storage = page.localStorage;
    return {
      getItem: (key) => storage.getItem(key),
      setItem: (key, value) => {
        try {
          storage.setItem(key, value);
        } catch {
          // Full: the name or broker is asked for again next time.
        }
      },
    };
  } catch {
    return forgetful;
  }
}

import { afterEach, describe, expect, it, vi } from 'vitest';
import { findBroker, keptBy, readSettings } from './settings.js';

function kept(initial: Record<string, string> = {}) {
  const values = new Map(Object.entries(initial));
  return { getItem: (key: string) => values.get(key) ?? null, setItem: (key: string, value: string) => void values.set(key, value) };
}
const read = (query: string, storage = kept()) => readSettings(new URLSearchParams(query), storage, () => 'abc123');
const page = { protocol: 'http:', hostname: 'marquee.test' };

describe('the settings in the address', () => {
  it('name the screen and its broker', () => {
    expect(read('deviceId=lobby-1&brokerUrl=ws%3A%2F%2Fb%3A9001&maxStorageMb=2')).toEqual({
      deviceId: 'lobby-1',
      ownName: false,
      brokerUrl: 'ws://b:9001',
      maxStorageBytes: 2 * 1024 * 1024,
    });
  });

  it('may be absent: then the screen has a name of its own, the same every time', () => {
    const storage = kept();
    expect(read('', storage)).toEqual({ deviceId: 'screen-abc123', ownName: true, brokerUrl: undefined, maxStorageBytes: undefined });
    expect(readSettings(new URLSearchParams(), storage, () => 'other').deviceId).toBe('screen-abc123');
    expect(read('', kept({ 'marquee.deviceId': 'a/#' })).deviceId).toBe('screen-abc123');
  });

  it('are refused by name when they are wrong', () => {
    for (const id of ['a/b', '+', '#', 'x'.repeat(129), 'a b'])
      expect(() => read(`deviceId=${encodeURIComponent(id)}`)).toThrow(/^deviceId/);
    for (const url of ['http://b', 'javascript:alert(1)', 'b:9001', 'mqtt://b']) {
      expect(() => read(`brokerUrl=${encodeURIComponent(url)}`)).toThrow(/^brokerUrl/);
    }
    for (const most of ['0', '-1', '1.5', 'x', '1e9']) expect(() => read(`maxStorageMb=${most}`)).toThrow(/^maxStorageMb/);
  });
});

describe('the broker', () => {
  afterEach(() => vi.unstubAllGlobals());
  const answer = (body: unknown, status = 200) =>
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify(body), { status })));

  it('is the one that the server names, kept for when the server is down', async () => {
    const storage = kept();
    answer({ brokerUrl: 'wss://broker.test/mqtt' });
    expect(await findBroker('http://marquee.test/client-config', page, storage)).toBe('wss://broker.test/mqtt');
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no network')));
    expect(await findBroker('http://marquee.test/client-config', page, storage)).toBe('wss://broker.test/mqtt');
  });

  it('is on the port of the page’s own host when nobody names one', async () => {
    for (const body of [{ brokerUrl: 'javascript:1' }, null, 'x', {}]) {
      answer(body);
      expect(await findBroker('http://marquee.test/client-config', page, kept())).toBe('ws://marquee.test:9001');
    }
    answer({}, 404);
    expect(await findBroker('http://m/client-config', { protocol: 'https:', hostname: 'm' }, kept())).toBe('wss://m:9001');
  });
});

describe('what is kept over a reload', () => {
  it('is nothing where the browser forbids it, and that does no harm', () => {
    const forbidden = {
      get localStorage(): Storage {
        throw new DOMException('', 'SecurityError');
      },
    };
    const storage = keptBy(forbidden);
    storage.setItem('a', 'b');
    expect(storage.getItem('a')).toBeNull();
  });
});

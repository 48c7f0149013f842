import { createHash } from 'node:crypto';
import type { ScreenEvent } from '@marquee/contracts/player';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256Hex } from './digest.js';
import { DownloadError } from './download.js';
import { Installer } from './installer.js';
import { Library } from './library.js';
import type { Offer } from './manifest.js';
import { Outbox } from './outbox.js';
import { Store } from './store.js';
import { eventually } from './test/eventually.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('the library', () => {
  let now: number;
  let web: Map<string, string | Promise<string>>;
  let asked: string[];
  let store: Store;
  let outbox: Outbox;
  let library: Library;
  let events: ScreenEvent[];
  const clock = { now: () => now };
  const room = { mustHold: () => Promise.resolve() };

  beforeEach(async () => {
    now = 1_700_000_000_000;
    web = new Map([['http://t/1', '<p>one</p>']]);
    asked = [];
    events = [];
    store = await Store.open('d', new IDBFactory());
    await start();
  });
  afterEach(() => store.close());

  /** A new life of the page on the same storage. */
  async function start(): Promise<void> {
    outbox = new Outbox('d', store, clock);
    const get = async (url: string, _limits: unknown, signal: AbortSignal): Promise<Blob> => {
      asked.push(url);
      const body = await web.get(url);
      signal.throwIfAborted();
      if (body === undefined) throw new DownloadError('answered 404');
      return new Blob([body]);
    };
    library = new Library(store, new Installer(store, room, clock, sha256Hex, get), outbox, clock, () => undefined);
    await Promise.all([outbox.load(), library.load()]);
    const into = events;
    outbox.connect((event) => Promise.resolve(void into.push(event)));
  }
  function offer(over: Partial<Offer> = {}): Offer {
    return {
      campaignId: 'a',
      version: 1,
      startAt: now - 1,
      expireAt: now + 100_000,
      templateUrl: 'http://t/1',
      templateChecksum: '',
      assets: [],
      loopMs: 10_000,
      priority: 0,
      window: undefined,
      ...over,
    };
  }
  function asset(id: string, text = id, checksum = sha256(text)) {
    web.set(`http://cdn/${id}`, text);
    return { id, url: `http://cdn/${id}`, checksum, sizeBytes: 0 };
  }
  const said = (): string[] => events.map(({ eventType, campaignId, version }) => `${eventType} ${campaignId} ${version}`);
  const heard = (...expected: string[]): Promise<void> => eventually(() => expect(said()).toEqual(expected));
  const has = (): string[] => library.campaigns.map(({ campaignId, offer: { version } }) => `${campaignId} ${version}`);
  async function media(...keys: string[]): Promise<boolean[]> {
    return Promise.all(keys.map((key) => store.hasMedia(key)));
  }
  /** Nothing is left to happen: what was offered is done and what was said is sent. */
  async function settled(): Promise<void> {
    await eventually(() => expect(library.installing).toBe(0));
    await store.events();
    await eventually(() => expect(outbox.size).toBe(0));
  }

  it('acknowledges when template and assets are stored, and knows them after a reload', async () => {
    const { promise, resolve } = deferred();
    web.set('http://cdn/x', promise);
    library.offer(offer({ assets: [{ id: 'x', url: 'http://cdn/x', checksum: sha256('late'), sizeBytes: 0 }] }));
    await eventually(() => expect(asked).toContain('http://cdn/x'));
    expect(said()).toEqual([]);
    resolve('late');
    await heard('INSTALL_ACK a 1');
    await start();
    expect(library.get('a')?.media).toEqual({ x: `sha256:${sha256('late')}` });
    expect(await (await store.media(`sha256:${sha256('late')}`))?.text()).toBe('late');
    expect(await (await store.template('a'))?.text()).toBe('<p>one</p>');
  });

  it('answers the same offer again only after five seconds, also over a reload', async () => {
    library.offer(offer());
    await heard('INSTALL_ACK a 1');
    const first = offer();
    for (const later of [0, 4_900, 100]) {
      now += later;
      library.offer(first);
    }
    await settled();
    await start();
    library.offer(first);
    await settled();
    expect(said()).toHaveLength(1);
    now += 1;
    library.offer(first);
    library.offer(first);
    await heard('INSTALL_ACK a 1', 'INSTALL_ACK a 1');
    expect(events[0]?.eventId).not.toBe(events[1]?.eventId);
    // Nothing was fetched for it.
    expect(asked).toEqual(['http://t/1']);
  });

  it('answers again when its clock was set back', async () => {
    library.offer(offer());
    await heard('INSTALL_ACK a 1');
    const first = offer();
    now -= 3_600_000;
    library.offer(first);
    await heard('INSTALL_ACK a 1', 'INSTALL_ACK a 1');
  });

  it('installs an offer once, however often it comes while it is being installed', async () => {
    const one = offer({ assets: [asset('x')] });
    for (let count = 0; count < 5; count += 1) library.offer(one);
    await heard('INSTALL_ACK a 1');
    expect(asked).toEqual(['http://t/1', 'http://cdn/x']);
  });

  it('reports why it cannot install, keeps nothing of it on air, and tries again with the next offer', async () => {
    const one = offer({ assets: [asset('x'), { ...asset('y'), checksum: sha256('other') }] });
    library.offer(one);
    await heard('ERROR a 1');
    expect(events[0]?.payload?.['reason']).toBe('asset http://cdn/y does not match its checksum');
    expect(has()).toEqual([]);
    web.set('http://cdn/y', 'other');
    asked = [];
    library.offer(one);
    await heard('ERROR a 1', 'INSTALL_ACK a 1');
    // What was stored and verified is not fetched again.
    expect(asked).not.toContain('http://cdn/x');
  });

  it('verifies the template where its digest is known, and cannot do without it', async () => {
    library.offer(offer({ templateChecksum: sha256('else') }));
    await heard('ERROR a 1');
    expect(events[0]?.payload?.['reason']).toBe('template http://t/1 does not match its checksum');
    library.offer(offer({ campaignId: 'b', templateUrl: 'http://t/none' }));
    await heard('ERROR a 1', 'ERROR b 1');
    expect(events[1]?.payload?.['reason']).toBe('template http://t/none answered 404');
  });

  it('does without an asset of unknown digest, names it, and takes the digest that becomes known later', async () => {
    const unknown = { id: 'x', url: 'http://cdn/x', checksum: '', sizeBytes: 0 };
    library.offer(offer({ assets: [unknown] }));
    await heard('INSTALL_ACK a 1');
    expect(events[0]?.payload).toMatchObject({ missing: ['http://cdn/x'] });
    expect(asked.filter((url) => url === 'http://cdn/x')).toHaveLength(1);
    library.offer(offer({ assets: [asset('x')] }));
    await heard('INSTALL_ACK a 1', 'INSTALL_ACK a 1');
    expect(events[1]?.payload).not.toHaveProperty('missing');
    // An offer from before the digest was known comes late.
    library.offer(offer({ assets: [unknown] }));
    await settled();
    expect(library.get('a')?.media).toEqual({ x: `sha256:${sha256('x')}` });
  });

  it('replaces a version by a newer one only, and drops the media that it no longer needs', async () => {
    library.offer(offer({ assets: [asset('old'), asset('both')] }));
    await heard('INSTALL_ACK a 1');
    library.offer(offer({ version: 3, assets: [asset('both'), asset('new')] }));
    await heard('INSTALL_ACK a 1', 'INSTALL_ACK a 3');
    library.offer(offer({ version: 2 }));
    await settled();
    expect(has()).toEqual(['a 3']);
    expect(await media(`sha256:${sha256('old')}`, `sha256:${sha256('both')}`, `sha256:${sha256('new')}`)).toEqual([false, true, true]);
  });

  it('keeps the version that it has when a newer one cannot be had', async () => {
    library.offer(offer());
    await heard('INSTALL_ACK a 1');
    library.offer(offer({ version: 2, templateUrl: 'http://t/none' }));
    await heard('INSTALL_ACK a 1', 'ERROR a 2');
    expect(has()).toEqual(['a 1']);
  });

  it('ignores an offer that has expired', async () => {
    library.offer(offer({ expireAt: now }));
    await settled();
    expect([said(), asked]).toEqual([[], []]);
  });

  it('removes what expires, with its media but what others need', async () => {
    library.offer(offer({ expireAt: now + 10, assets: [asset('x'), asset('shared')] }));
    library.offer(offer({ campaignId: 'b', assets: [asset('shared')] }));
    await eventually(() => expect(said()).toHaveLength(2));
    now += 10;
    library.expire();
    expect(has()).toEqual(['b 1']);
    expect(await media(`sha256:${sha256('x')}`, `sha256:${sha256('shared')}`)).toEqual([false, true]);
    await start();
    expect(has()).toEqual(['b 1']);
  });

  it('keeps a revoked campaign off against the same and older versions, also after a reload, and takes a newer one', async () => {
    const two = offer({ version: 2, assets: [asset('x')] });
    library.offer(two);
    await heard('INSTALL_ACK a 2');
    await library.revoke('a');
    await heard('INSTALL_ACK a 2', 'REVOKE_ACK a 2');
    expect(await media(`sha256:${sha256('x')}`)).toEqual([false]);
    await start();
    library.offer(two);
    library.offer({ ...two, version: 1 });
    await settled();
    expect([has(), said()]).toEqual([[], ['INSTALL_ACK a 2', 'REVOKE_ACK a 2']]);
    library.offer({ ...two, version: 3 });
    await heard('INSTALL_ACK a 2', 'REVOKE_ACK a 2', 'INSTALL_ACK a 3');
  });

  it('acknowledges every revoke, also of what it never had, and holds off the manifest that this one overtook', async () => {
    await library.revoke('a');
    await library.revoke('a');
    await heard('REVOKE_ACK a 0', 'REVOKE_ACK a 0');
    await start();
    library.offer(offer({ version: 4 }));
    library.offer(offer({ version: 4 }));
    await settled();
    expect(has()).toEqual([]);
    await start();
    library.offer(offer({ version: 5 }));
    await eventually(() => expect(said()).toContain('INSTALL_ACK a 5'));
  });

  it('ends an install that is revoked at any moment of it', async () => {
    const { promise, resolve } = deferred();
    web.set('http://cdn/x', promise);
    library.offer(offer({ assets: [{ id: 'x', url: 'http://cdn/x', checksum: sha256('late'), sizeBytes: 0 }] }));
    await eventually(() => expect(asked).toContain('http://cdn/x'));
    await library.revoke('a');
    resolve('late');
    await settled();
    expect([said(), has()]).toEqual([['REVOKE_ACK a 1'], []]);

    // The commit is on its way when the revoke comes.
    const install = vi.spyOn(store, 'install').mockImplementation(async (...given) => {
      const committing = Store.prototype.install.apply(store, given);
      void library.revoke('b');
      await committing;
    });
    library.offer(offer({ campaignId: 'b' }));
    await eventually(() => expect(said()).toEqual(['REVOKE_ACK a 1', 'REVOKE_ACK b 1']));
    install.mockRestore();
    await start();
    expect(has()).toEqual([]);
  });

  it('does not commit what was fetched in the end though it was revoked before', async () => {
    const { promise, resolve } = deferred();
    const campaign = { campaignId: 'a', offer: offer(), media: {}, missing: [], installedAt: now };
    const installer = { fetch: () => promise.then((text) => ({ ok: true, campaign, template: new Blob([text]) }) as const) };
    library = new Library(store, installer, outbox, clock, () => undefined);
    library.offer(offer());
    await library.revoke('a');
    resolve('<p>one</p>');
    await settled();
    expect([said(), await store.campaigns()]).toEqual([['REVOKE_ACK a 1'], []]);
  });

  it('does not acknowledge a revoke that the storage did not take', async () => {
    library.offer(offer());
    await heard('INSTALL_ACK a 1');
    const noise = vi.spyOn(console, 'error').mockReturnValue();
    const remove = vi.spyOn(store, 'remove').mockRejectedValue(new Error('disk'));
    await library.revoke('a');
    remove.mockRestore();
    noise.mockRestore();
    await settled();
    expect([said(), has()]).toEqual([['INSTALL_ACK a 1'], []]);
  });

  it('says that its storage is full', async () => {
    vi.spyOn(store, 'putMedia').mockRejectedValue(new DOMException('', 'QuotaExceededError'));
    library.offer(offer({ assets: [asset('x')] }));
    await heard('ERROR a 1');
    expect(events[0]?.payload?.['reason']).toBe('the storage of this screen is full: 0.0 MB more needed');
  });

  it('does not acknowledge media that went missing before the commit', async () => {
    vi.spyOn(store, 'putMedia').mockResolvedValue();
    library.offer(offer({ assets: [asset('x')] }));
    await heard('ERROR a 1');
    expect(await store.campaigns()).toEqual([]);
  });

  it('sweeps away what an install left that was never ended, and nothing else', async () => {
    library.offer(offer({ assets: [asset('x')] }));
    await heard('INSTALL_ACK a 1');
    await store.putMedia('sha256:orphan', new Blob(['o']));
    await library.sweep();
    expect(await media('sha256:orphan', `sha256:${sha256('x')}`)).toEqual([false, true]);
  });

  it('gives up a campaign whose template is gone, and says so', async () => {
    library.offer(offer());
    await heard('INSTALL_ACK a 1');
    const lost = library.get('a');
    if (lost !== undefined) await library.discard(lost, 'the stored template is gone');
    await heard('INSTALL_ACK a 1', 'ERROR a 1');
    library.offer(offer());
    await heard('INSTALL_ACK a 1', 'ERROR a 1', 'INSTALL_ACK a 1');
  });
});

function deferred(): { promise: Promise<string>; resolve: (text: string) => void } {
  let resolve: (text: string) => void = () => undefined;
  const promise = new Promise<string>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FetchRig, type FetchSetup, MB, PAGE, resolvesTo, type Route } from '../test/support/fetch-rig.js';
import type { GuardedFetcher } from './guarded-fetcher.js';

let rig: FetchRig;
let origin: string;
let routes: FetchRig['routes'];
let asked: string[];
const fetcherWith = (setup?: FetchSetup): GuardedFetcher => rig.fetcher(setup);

beforeEach(async () => {
  rig = await FetchRig.start();
  ({ origin, routes, asked } = rig);
});
afterEach(() => rig.stop());

describe('bounds', () => {
  /** Sends a piece whenever the other side takes it, for ever. */
  const endless =
    (piece: Buffer): Route =>
    (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(piece));
      };
      response.write(PAGE);
      response.on('drain', more);
      more();
    };

  test('an endless body ends at the limit', async () => {
    routes.set('/a', endless(Buffer.alloc(64 * 1024, 120)));
    expect(await fetcherWith({ limits: { maxBytes: 2 * MB } }).fetch(`${origin}/a`)).toEqual({
      ok: false,
      reason: 'larger than 2 MB',
      retry: false,
    });
  });

  test('what says it is larger is not read at all', async () => {
    routes.set('/a', (_, response) => response.writeHead(200, { 'content-length': `${3 * MB}` }).flushHeaders());
    expect(await fetcherWith({ limits: { maxBytes: 2 * MB } }).fetch(`${origin}/a`)).toEqual({
      ok: false,
      reason: 'larger than 2 MB',
      retry: false,
    });
  });

  test('a body that drips ends when its time is up', async () => {
    routes.set('/a', (_, response) => {
      response.write(PAGE);
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    });
    const slow = await fetcherWith({ limits: { totalMs: 300 } }).fetch(`${origin}/a`);
    expect(slow).toEqual({ ok: false, reason: 'took longer than 300 ms', retry: true });
  });

  test.each<[string, Route]>([
    ['before its answer', () => undefined],
    ['within its answer', (_, response) => response.write(PAGE)],
  ])('a server that falls silent %s is given up', async (_, route) => {
    routes.set('/a', route);
    const silent = await fetcherWith({ limits: { idleMs: 200 } }).fetch(`${origin}/a`);
    expect(silent).toEqual({ ok: false, reason: 'took longer than 200 ms without sending anything', retry: true });
  });

  test('a name server that never answers is given up with the connection', async () => {
    const never = fetcherWith({ resolve: () => new Promise(() => undefined), limits: { connectMs: 200 } });
    expect(await never.fetch('http://slow.example/')).toEqual({ ok: false, reason: 'took longer than 200 ms to connect', retry: true });
    let giveUp: (error: Error) => void = () => undefined;
    const silence = new Promise<never>((_, reject) => (giveUp = reject));
    const patient = fetcherWith({ resolve: () => silence, limits: { connectMs: 15_000 } });
    const waiting = ['/a', '/b'].map((path) => patient.fetch(`http://slow.example${path}`));
    const started = performance.now();
    await patient.close();
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(await Promise.all(waiting)).toMatchObject([{ ok: false }, { ok: false }]);
    giveUp(new Error('the name server gave up'));
  });
});

describe('many at once', () => {
  interface Gate {
    route: Route;
    /** Lets the answer of one path go, or of all and of those to come. */
    open: (path?: string) => void;
    arrived: (count: number) => Promise<void>;
    most: () => number;
  }

  /** Holds every answer until it is let go. */
  function gate(): Gate {
    const waiting = new Map<string, ServerResponse>();
    let most = 0;
    let isOpen = false;
    let seen: () => void = () => undefined;
    return {
      route: (request, response) => {
        if (isOpen) return void response.end(PAGE);
        waiting.set(request.url ?? '', response);
        most = Math.max(most, waiting.size);
        seen();
      },
      open: (path) => {
        isOpen = path === undefined;
        for (const [url, response] of waiting) {
          if (path !== undefined && url !== path) continue;
          waiting.delete(url);
          response.end(PAGE);
        }
      },
      arrived: async (count) => {
        while (waiting.size < count) await new Promise<void>((done) => (seen = done));
      },
      most: () => most,
    };
  }

  test('one URL is asked for once, and again only after that ended', async () => {
    const { route, open, arrived } = gate();
    routes.set('/a', route);
    const fetcher = fetcherWith();
    const results = [...Array.from({ length: 50 }, () => fetcher.fetch(`${origin}/a`)), fetcher.fetch(`${origin}/a#part`)];
    await arrived(1);
    open();
    expect(new Set((await Promise.all(results)).map((result) => result.ok))).toEqual(new Set([true]));
    expect(asked).toEqual(['/a']);
    await fetcher.fetch(`${origin}/a`);
    expect(asked).toEqual(['/a', '/a']);
  });

  test('so many of one host and so many in all; a full host holds up no other', async () => {
    const { route, open, arrived, most } = gate();
    for (let n = 0; n < 10; n += 1) routes.set(`/${n}`, route);
    const { port } = new URL(origin);
    const fetcher = fetcherWith({ resolve: resolvesTo('127.0.0.1'), limits: { concurrency: 3, concurrencyPerHost: 2 } });
    const results = [
      ...[0, 1, 2, 3, 4].map((n) => fetcher.fetch(`http://one.example:${port}/${n}`)),
      ...[5, 6, 7, 8, 9].map((n) => fetcher.fetch(`http://two.example:${port}/${n}`)),
    ];
    await arrived(3);
    expect(asked.toSorted()).toEqual(['/0', '/1', '/5']);
    open('/5');
    await arrived(3);
    expect(asked.at(-1)).toBe('/6');
    open();
    expect((await Promise.all(results)).every((result) => result.ok)).toBe(true);
    expect(most()).toBe(3);
    expect(asked).toHaveLength(10);
  });

  test('close ends what is under way and what waits, and asks for nothing more', async () => {
    const { route, arrived } = gate();
    routes.set('/a', route);
    routes.set('/b', route);
    const fetcher = fetcherWith({ limits: { concurrency: 1 } });
    const results = [fetcher.fetch(`${origin}/a`), fetcher.fetch(`${origin}/b`)];
    await arrived(1);
    await fetcher.close();
    const stopped = { ok: false, reason: 'the server is stopping', retry: true };
    expect(await Promise.all(results)).toEqual([stopped, stopped]);
    expect(await fetcher.fetch(`${origin}/b`)).toEqual(stopped);
    expect(asked).toEqual(['/a']);
  });
});

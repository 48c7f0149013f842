import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { download } from './download.js';

const maxBytes = 1_000;
/** Longer than anything takes here, where it is not the wait that is asked about. */
const LONG_MS = 30_000;

describe('a download', () => {
  let server: Server;
  let url: string;
  let answer: (response: ServerResponse) => void;

  beforeEach(async () => {
    server = createServer((_request, response) => answer(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const get = ({ waitMs = LONG_MS, signal = new AbortController().signal } = {}): Promise<Blob> =>
    download(url, { waitMs, maxBytes }, signal);

  it('gives the bytes with their type', async () => {
    answer = (response) => response.setHeader('content-type', 'image/svg+xml').end('<svg/>');
    const blob = await get();
    expect([blob.type, await blob.text()]).toEqual(['image/svg+xml', '<svg/>']);
  });

  it('says why there is none', async () => {
    answer = (response) => response.writeHead(404).end();
    await expect(get()).rejects.toThrow('answered 404');
    answer = (response) => response.destroy();
    await expect(get()).rejects.toThrow('could not be fetched');
    answer = (response) => response.end('x'.repeat(1_001));
    await expect(get()).rejects.toThrow('is larger than 1000 bytes');
  });

  it('gives up when nothing comes, before the first byte or in the middle', async () => {
    answer = () => undefined;
    await expect(get({ waitMs: 300 })).rejects.toThrow('nothing came for 0.3 s');
    answer = (response) => void response.writeHead(200).write('half');
    await expect(get({ waitMs: 300 })).rejects.toThrow('nothing came for 0.3 s');
  });

  it('does not give up what is slow but comes', async () => {
    answer = (response) => {
      response.writeHead(200);
      let pieces = 0;
      const timer = setInterval(() => {
        response.write('x');
        pieces += 1;
        if (pieces < 6) return;
        clearInterval(timer);
        response.end();
      }, 200);
    };
    expect((await get({ waitMs: 1000 })).size).toBe(6);
  });

  it('ends at once when it is aborted, with the reason of that', async () => {
    const abort = new AbortController();
    answer = (response) => {
      response.writeHead(200).write('half');
      abort.abort(new Error('revoked'));
    };
    await expect(get({ signal: abort.signal })).rejects.toThrow('revoked');
    await expect(get({ signal: abort.signal })).rejects.toThrow('revoked');
  });
});

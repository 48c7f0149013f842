import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AddressPolicy, parseFetchAllow, type ResolveName } from '../../kit/address-policy.js';
import { FileStorage } from '../../storage/file-storage.js';
import { type FetchLimits, GuardedFetcher } from '../../storage/guarded-fetcher.js';
import type { Storage } from '../../storage/storage.js';

/** What `/page` answers. */
export const PAGE = Buffer.from(`<!doctype html>${'x'.repeat(5000)}`);
export const MB = 1024 * 1024;

export type Route = (request: IncomingMessage, response: ServerResponse) => void;

export interface FetchSetup {
  /** 127.0.0.1 when not given. */
  allow?: string;
  resolve?: ResolveName;
  limits?: Partial<FetchLimits>;
  into?: Storage;
}

/** A web server with answers to fill in, a storage, and what fetches from the one into the other. */
export class FetchRig {
  /** By path; what is not here is not found. */
  readonly routes = new Map<string, Route>([['/page', (_, response) => response.end(PAGE)]]);
  /** The paths that were asked for, in order. */
  readonly asked: string[] = [];
  private readonly fetchers: GuardedFetcher[] = [];

  private constructor(
    private readonly server: Server,
    readonly origin: string,
    private readonly root: string,
    readonly storage: FileStorage,
  ) {
    server.on('request', (request, response) => this.answer(request, response));
  }

  static async start(): Promise<FetchRig> {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const root = await mkdtemp(join(tmpdir(), 'marquee-fetch-'));
    const { port } = server.address() as AddressInfo;
    return new FetchRig(server, `http://127.0.0.1:${port}`, root, await FileStorage.at(root));
  }

  /** One that is closed with the rig. */
  fetcher({ allow = '127.0.0.1', resolve, limits, into = this.storage }: FetchSetup = {}): GuardedFetcher {
    const parsed = parseFetchAllow(allow);
    if (!parsed.ok) throw new Error(parsed.error);
    const fetcher = new GuardedFetcher(into, new AddressPolicy(parsed.allow, resolve), limits);
    this.fetchers.push(fetcher);
    return fetcher;
  }

  /** Throws when something half is left in the storage. */
  async stop(): Promise<void> {
    await Promise.all(this.fetchers.map((fetcher) => fetcher.close()));
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
    assert.deepEqual(await readdir(join(this.root, 'incoming')), []);
    await rm(this.root, { recursive: true });
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    this.asked.push(request.url ?? '');
    const route = this.routes.get(request.url ?? '');
    if (route === undefined) response.writeHead(404).end('<!doctype html>no');
    else route(request, response);
  }
}

/** Names lead to these addresses in turn, and to the only one always. */
export const resolvesTo =
  (...answers: string[]): ResolveName =>
  () =>
    Promise.resolve([{ address: answers.length > 1 ? (answers.shift() ?? '') : (answers[0] ?? ''), family: 4 }]);

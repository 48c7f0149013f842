import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerParent } from '../remote.js';

export interface HookTally extends Record<string, number> {
  posts: number;
  /** Different idempotency keys among them. */
  keys: number;
  /** From the first post to the last, ms. */
  spanMs: number;
  mostAtOnce: number;
  /** Most posts in any one second, wherever it begins. */
  mostInASecond: number;
  /** Processor time that the receiver took, ms. */
  cpuMs: number;
}

/** Somebody's webhook: answers 204 after a while, and counts. */
export type HookReceiverMethods = {
  /** Answers its port. */
  start: (options: { delayMs: number }) => Promise<number>;
  /** What came since the last call. */
  take: (nothing: null) => Promise<HookTally>;
};

let keys = new Set<string>();
let posts = 0;
let first = 0;
let last = 0;
let atOnce = 0;
let mostAtOnce = 0;
/** When those came that came in the last second, ms. */
let second: number[] = [];
let mostInASecond = 0;
let cpu = process.cpuUsage();

const methods: HookReceiverMethods = {
  start: async ({ delayMs }) => {
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      last = performance.now();
      if (posts === 0) first = last;
      posts += 1;
      while ((second[0] ?? last) <= last - 1000) second.shift();
      mostInASecond = Math.max(mostInASecond, second.push(last));
      atOnce += 1;
      mostAtOnce = Math.max(mostAtOnce, atOnce);
      keys.add(String(request.headers['idempotency-key']));
      request.resume();
      setTimeout(() => {
        atOnce -= 1;
        response.writeHead(204).end();
      }, delayMs);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 4096, resolve));
    return (server.address() as AddressInfo).port;
  },
  take: () => {
    const used = process.cpuUsage(cpu);
    const cpuMs = (used.user + used.system) / 1000;
    const tally = { posts, keys: keys.size, spanMs: Math.round(last - first), mostAtOnce, mostInASecond, cpuMs };
    cpu = process.cpuUsage();
    keys = new Set();
    posts = 0;
    mostAtOnce = 0;
    second = [];
    mostInASecond = 0;
    return Promise.resolve(tally);
  },
};

answerParent(methods);

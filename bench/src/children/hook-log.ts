import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { answerParent } from '../remote.js';

/** One POST as the receiver met it. */
export interface HookPost {
  deliveryId: string;
  attempt: number;
  epoch: number;
  /** The sender's own stamp of its start, epoch ms. */
  stamp: number;
  /** When its head was here, epoch ms. */
  receivedAt: number;
  /** What was answered; 0: the connection was cut in place of an answer. */
  status: number;
}

export interface HookLogOptions {
  /** How long an answer takes. */
  delayMs: number;
  /** Share of the posts that fail, in one of several ways. */
  trouble: number;
}

/** Somebody's webhook that remembers everything it met. */
export type HookLogMethods = {
  /** Answers its port. */
  start: (options: HookLogOptions) => Promise<number>;
  /** What came since the last call. */
  take: (nothing: null) => Promise<HookPost[]>;
};

/** It failed to take it, turned it away, cut the connection; of the last the sender knows nothing. */
const TROUBLES = [500, 503, 0];
let posts: HookPost[] = [];

const methods: HookLogMethods = {
  start: async ({ delayMs, trouble }) => {
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      const receivedAt = Date.now();
      const status = Math.random() < trouble ? (TROUBLES[Math.floor(Math.random() * TROUBLES.length)] ?? 500) : 204;
      void text(request).then(
        (body) => {
          const { attempt, epoch, deliveryId } = JSON.parse(body) as { attempt: number; epoch: number; deliveryId: string };
          if (request.headers['idempotency-key'] !== deliveryId) throw new Error('the key is not that of the delivery');
          posts.push({ deliveryId, attempt, epoch, stamp: Number(request.headers['x-marquee-timestamp']), receivedAt, status });
          setTimeout(() => {
            if (status === 0) request.socket.destroy();
            else response.writeHead(status).end();
          }, delayMs);
        },
        // The sender was killed before it had said all.
        () => request.socket.destroy(),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 4096, resolve));
    return (server.address() as AddressInfo).port;
  },
  take: () => {
    const taken = posts;
    posts = [];
    return Promise.resolve(taken);
  },
};

answerParent(methods);

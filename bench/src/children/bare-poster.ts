import { randomUUID } from 'node:crypto';
import { Pool } from 'undici';
import { answerParent } from '../remote.js';

export interface BarePosts {
  url: string;
  posts: number;
  connections: number;
  body: string;
}

/** The floor of webhooks: undici's own `request` over a pool, the same body each time, signed by nobody, and no database. */
export type BarePosterMethods = {
  /** Posts as many over so many connections; answers how long that took and its processor time, ms. Rejects when one is not answered 2xx. */
  run: (work: BarePosts) => Promise<{ tookMs: number; cpuMs: number }>;
};

const methods: BarePosterMethods = {
  run: async ({ url, posts, connections, body }) => {
    const { origin, pathname: path } = new URL(url);
    const pool = new Pool(origin, { connections, pipelining: 1 });
    const before = process.cpuUsage();
    const began = performance.now();
    let left = posts;
    const lane = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
        const answer = await pool.request({ path, method: 'POST', headers, body });
        await answer.body.dump();
        if (answer.statusCode >= 300) throw new Error(`answered ${answer.statusCode}`);
      }
    };
    await Promise.all(Array.from({ length: connections }, lane));
    const tookMs = performance.now() - began;
    const used = process.cpuUsage(before);
    await pool.close();
    return { tookMs, cpuMs: (used.user + used.system) / 1000 };
  },
};

answerParent(methods);

import { Pool } from 'undici';
import { percentile, rounded } from './statistics.js';

export interface Request {
  method: 'GET' | 'POST';
  path: string;
  body?: string;
}

export interface LoadResult extends Record<string, number> {
  requests: number;
  errors: number;
  perSecond: number;
  p50Ms: number;
  p95Ms: number;
  maxMs: number;
}

/** HTTP load over a fixed set of kept-alive connections, one request at a time on each. */
export class Load {
  private readonly pool: Pool;
  private times: number[] = [];
  private errors = 0;
  private busyMs = 0;

  constructor(
    origin: string,
    private readonly connections: number,
  ) {
    this.pool = new Pool(origin, { connections, pipelining: 1, headersTimeout: 60_000, bodyTimeout: 60_000 });
  }

  /** All requests at once; resolves when every one was answered. */
  async burst(requests: readonly Request[], wanted = 201): Promise<void> {
    const began = performance.now();
    await Promise.all(requests.map((request) => this.send(request, wanted)));
    this.busyMs += performance.now() - began;
  }

  /** Every connection asks again as soon as it was answered, for so long. */
  async closedLoop(request: () => Request, durationMs: number, wanted = 200): Promise<void> {
    const began = performance.now();
    const turn = async (): Promise<void> => {
      while (performance.now() - began < durationMs) await this.send(request(), wanted);
    };
    await Promise.all(Array.from({ length: this.connections }, turn));
    this.busyMs += performance.now() - began;
  }

  /** What was measured since the last call. */
  take(): LoadResult {
    const { times, errors, busyMs } = this;
    this.times = [];
    this.errors = 0;
    this.busyMs = 0;
    return {
      requests: times.length,
      errors,
      perSecond: rounded((times.length * 1000) / busyMs),
      p50Ms: rounded(percentile(times, 0.5)),
      p95Ms: rounded(percentile(times, 0.95)),
      maxMs: rounded(Math.max(...times)),
    };
  }

  close(): Promise<void> {
    return this.pool.close();
  }

  private async send({ method, path, body }: Request, wanted: number): Promise<void> {
    const began = performance.now();
    try {
      const reply = await this.pool.request({
        method,
        path,
        ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
      });
      await reply.body.dump({ limit: 10_000_000 });
      if (reply.statusCode !== wanted) this.errors += 1;
    } catch {
      this.errors += 1;
    }
    this.times.push(performance.now() - began);
  }
}

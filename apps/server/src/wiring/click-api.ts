import { startClickServer, stopServer } from '../http/click-server.js';
import { readTls } from '../http/server.js';
import { systemClock } from '../kit/clock.js';
import type { Clicks } from './clicks.js';
import type { Context } from './context.js';

/** Listens where a process has the role clicks and not the API. */
export async function startClickApi({ config, log, metrics, ends, database }: Context, clicks: Clicks): Promise<void> {
  const fastify = await startClickServer({
    host: config.host,
    port: config.port,
    tls: readTls(config.tlsCert, config.tlsKey),
    trustProxy: config.trustProxy,
    corsOrigins: config.corsOrigins,
    addRoutes: (server) => clicks.addRoutes(server),
    status: () => clicks.status(),
    system: {
      now: () => systemClock.now(),
      unready: async () => {
        const reasons = clicks.unready();
        await database.withClient((client) => client.query('select 1')).catch(() => reasons.push('the database cannot be reached'));
        return reasons;
      },
      metrics: () => metrics.text(),
    },
    log,
  });
  ends.add('what listens for clicks', () => stopServer(fastify));
}

import { ROUTES } from '@marquee/contracts';
import cors from '@fastify/cors';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { ProblemError } from '../kit/errors.js';
import type { Log } from '../kit/log.js';
import { listenError, MOST_WAITING } from './listen-error.js';
import { problemOf } from './problem.js';
import { sendProblem } from './problem.filter.js';
import type { System } from './system.controller.js';
import { trustOf } from './trusted-proxies.js';

export interface ClickServerOptions {
  host: string;
  port: number;
  tls?: { cert: Buffer; key: Buffer } | undefined;
  trustProxy: false | number | string[];
  corsOrigins: string[];
  addRoutes(fastify: FastifyInstance): Promise<void>;
  status(): Promise<unknown>;
  system: Omit<System, 'bus'>;
  log: Log;
}

/** Starts what a process with the role clicks and without the API serves. Rejects with a StartError that names PORT when it cannot be had. */
export async function startClickServer(options: ClickServerOptions): Promise<FastifyInstance> {
  const { tls, log } = options;
  const settings = {
    trustProxy: trustOf(options.trustProxy),
    forceCloseConnections: 'idle' as const,
    // What fails before a route is found, such as a path with a broken escape.
    frameworkErrors: (error: Error, _request: unknown, reply: unknown) => sendProblem(reply as FastifyReply, problemOf(error).problem),
  };
  // Routes are the same on either kind of server; the types of the two are not.
  const fastify = tls === undefined ? Fastify(settings) : (Fastify({ ...settings, https: tls }) as unknown as FastifyInstance);
  fastify.setNotFoundHandler((request, reply) =>
    sendProblem(reply, new ProblemError('NOT_FOUND', `there is no ${request.method} ${request.url.slice(0, 200)} here`).toProblem()),
  );
  fastify.setErrorHandler((error, request, reply) => {
    const { problem, expected } = problemOf(error);
    if (!expected) log.error({ err: error, method: request.method, url: request.url.slice(0, 200) }, 'a request failed');
    sendProblem(reply, problem);
  });
  const { corsOrigins } = options;
  await fastify.register(cors, { origin: corsOrigins.includes('*') ? '*' : corsOrigins, methods: ['GET', 'HEAD', 'POST'] });
  await options.addRoutes(fastify);
  addSystemRoutes(fastify, options);
  try {
    await fastify.listen({ host: options.host, port: options.port, backlog: MOST_WAITING });
  } catch (error) {
    await fastify.close();
    throw listenError(error, options) ?? error;
  }
  return fastify;
}

function addSystemRoutes(fastify: FastifyInstance, options: ClickServerOptions): void {
  const { system } = options;
  fastify.get(ROUTES.clicksStatus, async () => await options.status());
  fastify.get('/healthz', () => ({ status: 'ok' }));
  fastify.get('/readyz', async (_request, reply) => {
    const unready = await system.unready();
    return await reply.status(unready.length === 0 ? 200 : 503).send({ status: unready.length === 0 ? 'ready' : 'not ready', unready });
  });
  fastify.get('/metrics', async (_request, reply) => {
    const { type, text } = await system.metrics();
    return await reply.type(type).send(text);
  });
}

/** How long requests may still take that are under way when the server stops, ms. */
const DRAIN_MS = 5000;

/** Takes no new requests and lets those under way end, for a while; then it cuts them. */
export async function stopServer(fastify: FastifyInstance): Promise<void> {
  const cut = setTimeout(() => fastify.server.closeAllConnections(), DRAIN_MS);
  await fastify.close();
  clearTimeout(cut);
}

import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROUTES } from '@marquee/contracts';
import cors from '@fastify/cors';
import multipart from '@fastify/multipart';
import fastifyStatic from '@fastify/static';
import { Module, type Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from '../kit/errors.js';
import type { Log } from '../kit/log.js';
import { AlertRulesController, AlertsController, SnoozesController } from './alerts.controller.js';
import { AssetsController, type HttpSettings } from './assets.controller.js';
import { CampaignsController } from './campaigns.controller.js';
import { CodesController } from './codes.controller.js';
import { ContactsController } from './contacts.controller.js';
import { InterruptionsController } from './interruptions.controller.js';
import { ControlsController, PICTURE_MAX_BYTES, PICTURE_TYPES } from './controls.controller.js';
import { FeedController } from './feed.controller.js';
import { serveOpenApi } from './openapi.js';
import { ClicksController } from './clicks.controller.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { PlaysController } from './plays.controller.js';
import { listenError, MOST_WAITING } from './listen-error.js';
import { problemOf } from './problem.js';
import { ProblemFilter, sendProblem } from './problem.filter.js';
import { IMPORT_ROUTES, IMPORT_TYPES } from './imports.js';
import { ScreensController } from './screens.controller.js';
import { SystemController } from './system.controller.js';
import { HTTP_SETTINGS } from './tokens.js';
import { trustOf } from './trusted-proxies.js';
import { VersionsController } from './versions.controller.js';
import { validationPipe } from './validation.pipe.js';
import { WhyController } from './why.controller.js';

export interface HttpServerOptions {
  host: string;
  port: number;
  tls?: { cert: Buffer; key: Buffer } | undefined;
  settings: HttpSettings;
  /** The objects that the controllers are given, by token. */
  services: ReadonlyMap<symbol, unknown>;
  /** Whose X-Forwarded-For is believed, as TRUST_PROXY says. */
  trustProxy: false | number | string[];
  /** Adds the routes that are no controllers'. */
  addRoutes?: ((fastify: FastifyInstance) => Promise<void>) | undefined;
  log: Log;
}

const MAX_BODY_BYTES = 1024 * 1024;
/** A contact's id may have 128 characters, nine each when escaped. */
const MAX_PATH_PARAMETER = 1152;

/** Literal paths come before `:id`: controllers are asked in this order. */
const CONTROLLERS = [
  SystemController,
  AssetsController,
  FeedController,
  CampaignsController,
  InterruptionsController,
  VersionsController,
  CodesController,
  WhyController,
  PlaysController,
  ClicksController,
  DeadLettersController,
  ScreensController,
  ContactsController,
  ControlsController,
  SnoozesController,
  AlertRulesController,
  AlertsController,
];

@Module({})
class HttpModule {}

/** Starts the API and the pages. Rejects with a StartError that names PORT when it cannot be had. */
export async function startHttpServer(options: HttpServerOptions): Promise<NestFastifyApplication> {
  const { host, port, tls, settings, log } = options;
  const providers: Provider[] = [...options.services].map(([provide, useValue]) => ({ provide, useValue }));
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    trustProxy: trustOf(options.trustProxy),
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: MAX_PATH_PARAMETER },
    // What fails before a route is found, such as a path with a broken escape.
    frameworkErrors: (error: Error, _request: FastifyRequest, reply: FastifyReply) => sendProblem(reply, problemOf(error).problem),
    ...(tls === undefined ? {} : { https: tls }),
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    {
      module: HttpModule,
      controllers: CONTROLLERS,
      providers: [...providers, { provide: HTTP_SETTINGS, useValue: settings }],
    },
    adapter,
    { logger: false, abortOnError: false, bodyParser: false },
  );
  app.useGlobalPipes(validationPipe());
  app.useGlobalFilters(new ProblemFilter(log));
  const fastify = adapter.getInstance<FastifyInstance>();
  await fastify.register(cors, {
    origin: settings.corsOrigins === '*' ? '*' : settings.corsOrigins,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposedHeaders: ['etag', 'content-range'],
  });
  await fastify.register(multipart, { limits: { files: 1, fields: 10, fieldSize: 65_536 } });
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  // Actions need no body, and clients that name a content type for none are not refused.
  adapter.useBodyParser('application/json', false, { bodyLimit: MAX_BODY_BYTES }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else void parseJson(request, body.toString('utf8'), done);
  });
  fastify.removeContentTypeParser('text/plain');
  fastify.addContentTypeParser(IMPORT_TYPES, (request, payload, done) => {
    if (IMPORT_ROUTES.has(request.routeOptions.url)) done(null, payload);
    else done(new ProblemError('UNSUPPORTED_MEDIA_TYPE', 'content-type: must be application/json'));
  });
  fastify.addContentTypeParser(PICTURE_TYPES, { parseAs: 'buffer', bodyLimit: PICTURE_MAX_BYTES }, (request, body, done) => {
    if (request.routeOptions.url === ROUTES.screenScreenshot) done(null, body);
    else done(new ProblemError('UNSUPPORTED_MEDIA_TYPE', 'content-type: must be application/json'));
  });
  await servePages(fastify);
  await options.addRoutes?.(fastify);
  serveOpenApi(app);
  await app.init();
  await listen(app, host, port);
  return app;
}

async function listen(app: NestFastifyApplication, host: string, port: number): Promise<void> {
  try {
    await app.listen({ port, host, backlog: MOST_WAITING });
  } catch (error) {
    await app.close();
    throw listenError(error, { host, port }) ?? error;
  }
}

/** How long requests may still take that are under way when the server stops, ms. */
const DRAIN_MS = 5000;

/** Takes no new requests and lets those under way end, for a while; then it cuts them. Endless answers must have been ended before. */
export async function stopHttpServer(app: NestFastifyApplication): Promise<void> {
  const cut = setTimeout(() => app.getHttpServer().closeAllConnections(), DRAIN_MS);
  await app.close();
  clearTimeout(cut);
}

/** The built console at `/` and `/console/…`, the player at `/player/`. A page that was not built is a 404 that says so. */
async function servePages(fastify: FastifyInstance): Promise<void> {
  const [consolePage, playerPage] = [pageFolder('console'), pageFolder('player')];
  // Built file names carry their digest and never change; the index.html that names them is asked for anew.
  await fastify.register(fastifyStatic, {
    root: join(consolePage, 'console-assets'),
    prefix: '/console-assets/',
    immutable: true,
    maxAge: '1y',
  });
  for (const path of ['/', '/console', '/console/*'])
    fastify.get(path, (_request, reply) => reply.sendFile('index.html', consolePage, { maxAge: 0, immutable: false }));
  fastify.get('/favicon.svg', (_request, reply) => reply.sendFile('favicon.svg', consolePage, { maxAge: 0, immutable: false }));
  await fastify.register(fastifyStatic, {
    root: playerPage,
    prefix: '/player/',
    decorateReply: false,
    maxAge: 0,
    // A screen asks for its service worker to learn of a newer player: no cache on the way may answer for us.
    setHeaders: (reply, path) => {
      if (basename(path) === 'sw.js') reply.header('cache-control', 'no-cache');
    },
  });
  fastify.get('/player', (request, reply) => reply.redirect(`/player/${new URL(request.url, 'http://here').search}`));
}

function pageFolder(name: 'console' | 'player'): string {
  return fileURLToPath(new URL(`../../../${name}/dist`, import.meta.url));
}

/** The certificate and key in these files; undefined where none are set. */
export function readTls(cert: string | undefined, key: string | undefined): { cert: Buffer; key: Buffer } | undefined {
  return cert === undefined || key === undefined ? undefined : { cert: readFileSync(cert), key: readFileSync(key) };
}

import { isUtf8 } from 'node:buffer';
import { type ClickInput, clickBatch, type ClickBatchAnswer, clickInput, MAX_CLICK_BYTES, ROUTES } from '@marquee/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { ClickEvent } from '../clicks/click.js';
import type { Accepted } from '../clicks/publisher/entry.js';
import type { Clock } from '../kit/clock.js';
import { ProblemError } from '../kit/errors.js';
import { newId } from '../kit/ids.js';
import type { Log } from '../kit/log.js';
import { type BearerTokens, TokenRefusal } from './bearer-tokens.js';
import { problemOf, refusalOf } from './problem.js';
import { sendProblem } from './problem.filter.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose token the request brought: of the click routes. */
    clickUid: string;
  }
}

const MAX_BATCH_BYTES = 1_048_576;
/** Of a user agent: the longest of real browsers are below it. */
const MAX_AGENT_LENGTH = 256;
const OK = '{"status":1,"code":"OK"}';
const JSON_TYPE = 'application/json; charset=utf-8';
const ACCEPTED = { status: 1, code: 'OK' } as const;
const OVERLOADED = 'too many clicks are under way; try again';
const LATE = 'the click is not safe yet and may still be counted; send it again with the same messageId';

/** Why a click was not accepted, in the ledger. */
export type RejectedFor = 'token' | 'invalid' | 'too_large' | 'overloaded' | 'late';

/** What the click routes need. */
export interface ClickDoor {
  tokens: BearerTokens;
  accept(event: ClickEvent): Accepted | Promise<Accepted>;
  rejected(reason: RejectedFor, count: number): void;
  /** As CLICK_IP says. */
  keepAddress(address: string): string;
  clock: Clock;
  log: Log;
}

/** Adds `POST /ads/clicks` and `POST /ads/clicks/batch`: raw routes, for a controller of Nest costs as much as all they do. */
export async function addClickRoutes(fastify: FastifyInstance, door: ClickDoor): Promise<void> {
  await fastify.register(async (scope) => {
    scope.decorateRequest('clickUid', '');
    takeJsonOnly(scope);
    scope.addHook('onRequest', (request, reply, done) => letIn(door, request, reply, done));
    scope.setErrorHandler((error, request, reply) => refuse(door, error, request, reply));
    scope.post(ROUTES.adClicks, { bodyLimit: MAX_CLICK_BYTES }, (request, reply) => takeOne(door, request, reply));
    scope.post(ROUTES.adClickBatch, { bodyLimit: MAX_BATCH_BYTES }, (request, reply) => takeBatch(door, request, reply));
  });
}

/** Keys that would reach a prototype are refused, and bytes that are no UTF-8: replaced they would be somebody else's ad. */
function takeJsonOnly(scope: FastifyInstance): void {
  const parseJson = scope.getDefaultJsonParser('error', 'error');
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (!isUtf8(body)) done(new ProblemError('MALFORMED_JSON', 'the body is not UTF-8'));
    else void parseJson(request, body.toString('utf8'), done);
  });
}

/** Before the body is read: who has no token cannot make us read one. */
function letIn(door: ClickDoor, request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  const uid = door.tokens.uidOf(request.headers.authorization);
  const enter = (known: string | TokenRefusal): void => {
    if (known instanceof TokenRefusal) return turnAway(door, known, reply);
    request.clickUid = known;
    done();
  };
  if (uid instanceof Promise) void uid.then(enter);
  else enter(uid);
}

/** RFC 6750 §3: who brought no token is told that one is needed, who brought a wrong one what is wrong with it. */
function turnAway(door: ClickDoor, { reason, unavailable }: TokenRefusal, reply: FastifyReply): void {
  door.rejected('token', 1);
  if (unavailable) return sendProblem(reply, new ProblemError('KEYS_UNAVAILABLE', `${reason}; try again`).toProblem());
  const told = reason === undefined ? '' : `, error="invalid_token", error_description="${reason}"`;
  void reply.header('www-authenticate', `Bearer realm="marquee"${told}`);
  sendProblem(reply, new ProblemError('UNAUTHORIZED', `authorization: ${reason ?? 'a bearer token is needed'}`).toProblem());
}

async function takeOne(door: ClickDoor, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const parsed = clickInput.safeParse(request.body);
  if (!parsed.success) throw refusalOf(parsed.error.issues, 'body');
  const event = eventOf(door, parsed.data, request);
  const waiting = door.accept(event);
  const accepted = typeof waiting === 'string' ? waiting : await waiting;
  if (accepted === 'OK') return reply.header('content-type', JSON_TYPE).send(OK);
  door.rejected(accepted === 'LATE' ? 'late' : 'overloaded', 1);
  throw new ProblemError('OVERLOADED', accepted === 'LATE' ? LATE : OVERLOADED, { messageId: event.messageId });
}

type Result = ClickBatchAnswer['results'][number];

async function takeBatch(door: ClickDoor, request: FastifyRequest, reply: FastifyReply): Promise<ClickBatchAnswer> {
  const parsed = clickBatch.safeParse(request.body);
  if (!parsed.success) throw refusalOf(parsed.error.issues, 'body');
  const results = await Promise.all(parsed.data.clicks.map((click) => takeOneOf(door, click, request)));
  const count = (code: Result['code']): number => results.filter((result) => result.code === code).length;
  if (count('VALIDATION') > 0) door.rejected('invalid', count('VALIDATION'));
  if (count('OVERLOADED') > 0) {
    door.rejected('overloaded', count('OVERLOADED'));
    void reply.header('retry-after', '1');
  }
  return { accepted: count('OK'), results };
}

async function takeOneOf(door: ClickDoor, click: unknown, request: FastifyRequest): Promise<Result> {
  const parsed = clickInput.safeParse(click);
  if (!parsed.success) return { status: 0, code: 'VALIDATION', message: messagesOf(parsed.error) };
  const accepted = await door.accept(eventOf(door, parsed.data, request));
  return accepted === 'OK' ? ACCEPTED : { status: 0, code: 'OVERLOADED', message: [accepted === 'LATE' ? LATE : OVERLOADED] };
}

function messagesOf({ issues }: z.ZodError): string[] {
  return [refusalOf(issues, 'click').messages].flat();
}

/** The time is ours: a client's clock is nobody's. */
function eventOf(door: ClickDoor, input: ClickInput, request: FastifyRequest): ClickEvent {
  const { adId, adType, messageId = newId(), campaignId, creativeId, deviceId } = input;
  const event: ClickEvent = {
    messageId,
    uid: request.clickUid,
    adId,
    adType,
    clickedAt: door.clock.now(),
    // What a trusted proxy wrote may be no address.
    ip: door.keepAddress(request.ip) || door.keepAddress(request.socket.remoteAddress ?? ''),
    source: 'api',
  };
  if (campaignId !== undefined) event.campaignId = campaignId;
  if (creativeId !== undefined) event.creativeId = creativeId;
  if (deviceId !== undefined) event.deviceId = deviceId;
  const agent = request.headers['user-agent'];
  if (agent !== undefined) event.agent = agent.slice(0, MAX_AGENT_LENGTH);
  return event;
}

function refuse(door: ClickDoor, error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { problem, expected } = problemOf(error);
  if (!expected) door.log.error({ err: error, url: request.url.slice(0, 200) }, 'a click could not be answered');
  if (problem.status === 413) door.rejected('too_large', 1);
  else if (problem.status < 500) door.rejected('invalid', 1);
  sendProblem(reply, problem);
}

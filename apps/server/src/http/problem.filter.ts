import type { Problem } from '@marquee/contracts';
import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { reasonOf } from '../kit/errors.js';
import type { Log } from '../kit/log.js';
import { problemOf } from './problem.js';

/** Answers every error as RFC 9457 problem details; what is our own fault goes to the log with its stack and not to the client. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const { problem, expected } = problemOf(error);
    if (!expected) this.log.error({ err: error, method: request.method, url: request.url.slice(0, 200) }, 'a request failed');
    if (reply.raw.headersSent) {
      this.log.debug({ reason: reasonOf(error), url: request.url.slice(0, 200) }, 'the answer had begun when it failed');
      reply.raw.destroy();
      return;
    }
    sendProblem(reply, problem);
  }
}

export function sendProblem(reply: FastifyReply, problem: Problem): void {
  if (problem.status === 503) void reply.header('retry-after', '1');
  void reply.status(problem.status).type('application/problem+json; charset=utf-8').send(JSON.stringify(problem));
}

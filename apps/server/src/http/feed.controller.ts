import { Controller, Get, Headers, Inject, Param, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { FeedHub, FeedReader } from '../feed/hub.js';
import { byId } from './campaigns.controller.js';
import { FEED } from './tokens.js';

/** Bytes that may wait for a reader before it is told summaries only. */
const MOST_WAITING = 256 * 1024;

@Controller('campaigns')
export class FeedController {
  constructor(@Inject(FEED) private readonly feed: FeedHub) {}

  @Get('events')
  @ApiProduces('text/event-stream')
  @ApiOperation({ summary: 'What happens to all campaigns, live' })
  async all(@Headers('last-event-id') lastEventId: string | undefined, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.stream(undefined, lastEventId, request, reply);
  }

  @Get(':id/events')
  @ApiProduces('text/event-stream')
  @ApiOperation({ summary: 'What happens to one campaign, live; resumes by Last-Event-ID' })
  async ofCampaign(
    @Param({ schema: byId }) { id }: z.output<typeof byId>,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.stream(id, lastEventId, request, reply);
  }

  private async stream(campaignId: string | undefined, lastEventId: string | undefined, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const headers = reply.getHeaders();
    reply.hijack();
    const { raw } = reply;
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) raw.setHeader(name, value);
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' });
    raw.write('retry: 1000\n\n');
    const reader: FeedReader = {
      write: (text) => raw.write(text),
      ready: () => raw.writableLength < MOST_WAITING,
      end: () => raw.end(),
    };
    const leave = await this.feed.subscribe(reader, campaignId, lastEventId);
    request.raw.once('close', leave);
    if (request.raw.destroyed) leave();
  }
}

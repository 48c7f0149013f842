import type { ServerResponse } from 'node:http';
import { Controller, Get, Headers, Inject, Param, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { FeedHub } from '../feed/hub.js';
import type { FeedReader } from '../feed/subscription.js';
import { byId } from './campaigns.controller.js';
import { FEED } from './tokens.js';

/** Bytes that may wait for a reader; beyond, it is told nothing until it reads, and then counts. */
const MOST_WAITING = 256 * 1024;

@Controller('campaigns')
export class FeedController {
  constructor(@Inject(FEED) private readonly feed: FeedHub) {}

  @Get('events')
  @ApiProduces('text/event-stream')
  @ApiOperation({ summary: 'What happens to all campaigns, live' })
  async all(@Headers('last-event-id') lastEventId: string | undefined, @Res() reply: FastifyReply): Promise<void> {
    await this.stream(undefined, lastEventId, reply);
  }

  @Get(':id/events')
  @ApiProduces('text/event-stream')
  @ApiOperation({ summary: 'What happens to one campaign, live; resumes by Last-Event-ID' })
  async ofCampaign(
    @Param({ schema: byId }) { id }: z.output<typeof byId>,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.stream(id, lastEventId, reply);
  }

  private async stream(campaignId: string | undefined, lastEventId: string | undefined, reply: FastifyReply): Promise<void> {
    const headers = reply.getHeaders();
    reply.hijack();
    const { raw } = reply;
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) raw.setHeader(name, value);
    const gone = new AbortController();
    raw.once('close', () => gone.abort());
    // What is written in the moment in which the reader leaves concerns nobody.
    raw.on('error', () => undefined);
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' });
    // The headers leave with the first line, when nothing can be missed any more. A failure cuts the connection: to a status other
    // than 200 a browser's EventSource would not come back.
    const leave = await this.feed.subscribe(readerOn(raw), campaignId, lastEventId);
    if (gone.signal.aborted) return leave();
    gone.signal.addEventListener('abort', leave, { once: true });
    raw.write('retry: 1000\n\n');
  }
}

function readerOn(raw: ServerResponse): FeedReader {
  return {
    write: (text) => void raw.write(text),
    ready: () => raw.writableLength < MOST_WAITING,
    end: () => void raw.end(),
  };
}

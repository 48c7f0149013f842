import { type PlaysFilter, type PlaysQuery, playsFilter, playsQuery, playsReport } from '@marquee/contracts';
import { Controller, Get, Inject, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { PlayReport } from '../screens/play-report.js';
import { sendCsv } from './csv.js';
import { answers } from './openapi.js';
import { PLAYS } from './tokens.js';

@Controller()
export class PlaysController {
  constructor(@Inject(PLAYS) private readonly plays: PlayReport) {}

  @Get('plays')
  @answers('Proof of play: how often and how long, by time and, where asked for, by screen, campaign, asset or hour', playsReport)
  report(@Query({ schema: playsQuery }) query: PlaysQuery) {
    return this.plays.report(query);
  }

  @Get('plays.csv')
  @ApiProduces('text/csv')
  @ApiOperation({ summary: 'Proof of play for each screen, campaign, asset and hour, as a file' })
  async csv(@Query({ schema: playsFilter }) query: PlaysFilter, @Res() reply: FastifyReply): Promise<void> {
    await sendCsv(reply, 'plays.csv', this.plays.csv(query));
  }
}

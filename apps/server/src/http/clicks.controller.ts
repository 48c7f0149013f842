import {
  clickLedger,
  type ClicksFilter,
  clicksFilter,
  type ClicksQuery,
  clicksQuery,
  clicksReport,
  type ClicksStatus,
  clicksStatus,
  type LedgerQuery,
  ledgerQuery,
  replayAsked,
} from '@marquee/contracts';
import { Controller, Get, HttpCode, Inject, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { DeadLetters } from '../clicks/dead-letters/dead-letters.service.js';
import type { Ledger } from '../clicks/ledger/ledger.js';
import type { ClickReport } from '../clicks/stats/click-report.js';
import { sendCsv } from './csv.js';
import { answers } from './openapi.js';
import { CLICK_LEDGER, CLICK_REPORT, CLICKS_STATUS, DEAD_LETTERS } from './tokens.js';

@Controller()
export class ClicksController {
  constructor(
    @Inject(CLICK_REPORT) private readonly clicks: ClickReport,
    @Inject(CLICK_LEDGER) private readonly ledger: Ledger,
    @Inject(CLICKS_STATUS) private readonly process: { status(): Promise<ClicksStatus> },
    @Inject(DEAD_LETTERS) private readonly letters: DeadLetters,
  ) {}

  @Get('clicks/status')
  @answers('How clicks are accepted, published and counted: circuit, depths, and the counters of every layer', clicksStatus)
  status() {
    return this.process.status();
  }

  @Get('clicks/stats')
  @answers('Clicks: raw, unique and human, by time and, where asked for, by campaign, ad, creative, screen or source', clicksReport)
  report(@Query({ schema: clicksQuery }) query: ClicksQuery) {
    return this.clicks.report(query);
  }

  @Get('clicks.csv')
  @ApiProduces('text/csv')
  @ApiOperation({ summary: 'Clicks of each campaign, ad, creative, screen and source by time, as a file' })
  async csv(@Query({ schema: clicksFilter }) query: ClicksFilter, @Res() reply: FastifyReply): Promise<void> {
    await sendCsv(reply, 'clicks.csv', this.clicks.csv(query));
  }

  @Get('clicks/ledger')
  @answers('What became of every click that was accepted, by the minute', clickLedger)
  readLedger(@Query({ schema: ledgerQuery }) query: LedgerQuery) {
    return this.ledger.read(query);
  }

  @Post('clicks/replay')
  @HttpCode(202)
  @answers(
    'Publish what waits in the fallback now, also while the circuit is open; it is done by a process with the role clicks',
    replayAsked,
    202,
  )
  async replay() {
    await this.letters.askForReplay();
    const { processes, fallbackDepth } = await this.process.status();
    return { processes: processes.length, waiting: fallbackDepth };
  }
}

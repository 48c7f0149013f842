import {
  clickLedger,
  type ClicksQuery,
  clicksQuery,
  clicksReport,
  type ClicksStatus,
  clicksStatus,
  type LedgerQuery,
  ledgerQuery,
} from '@marquee/contracts';
import { Controller, Get, Inject, Query } from '@nestjs/common';
import type { Ledger } from '../clicks/ledger/ledger.js';
import type { ClickReport } from '../clicks/stats/click-report.js';
import { answers } from './openapi.js';
import { CLICK_LEDGER, CLICK_REPORT, CLICKS_STATUS } from './tokens.js';

@Controller()
export class ClicksController {
  constructor(
    @Inject(CLICK_REPORT) private readonly clicks: ClickReport,
    @Inject(CLICK_LEDGER) private readonly ledger: Ledger,
    @Inject(CLICKS_STATUS) private readonly process: { status(): Promise<ClicksStatus> },
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

  @Get('clicks/ledger')
  @answers('What became of every click that was accepted, by the minute', clickLedger)
  readLedger(@Query({ schema: ledgerQuery }) query: LedgerQuery) {
    return this.ledger.read(query);
  }
}

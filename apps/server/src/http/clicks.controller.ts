import { type ClicksQuery, clicksQuery, clicksReport } from '@marquee/contracts';
import { Controller, Get, Inject, Query } from '@nestjs/common';
import type { ClickReport } from '../clicks/stats/click-report.js';
import { answers } from './openapi.js';
import { CLICK_REPORT } from './tokens.js';

@Controller()
export class ClicksController {
  constructor(@Inject(CLICK_REPORT) private readonly clicks: ClickReport) {}

  @Get('clicks/stats')
  @answers('Clicks: raw, unique and human, by time and, where asked for, by campaign, ad, creative, screen or source', clicksReport)
  report(@Query({ schema: clicksQuery }) query: ClicksQuery) {
    return this.clicks.report(query);
  }
}

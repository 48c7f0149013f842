import { campaignCodes, codesQuery } from '@marquee/contracts';
import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import type { z } from 'zod';
import type { Codes } from '../creatives/codes.js';
import { byId } from './campaigns.controller.js';
import { answers } from './openapi.js';
import { CODES } from './tokens.js';

@Controller()
export class CodesController {
  constructor(@Inject(CODES) private readonly codes: Codes) {}

  @Get('campaigns/:id/codes')
  @answers('The links of the QR codes of a campaign, one for each of its assets; with deviceId those that this screen draws', campaignCodes)
  of(@Param({ schema: byId }) { id }: z.output<typeof byId>, @Query({ schema: codesQuery }) { deviceId }: z.output<typeof codesQuery>) {
    return this.codes.of(id, deviceId);
  }
}

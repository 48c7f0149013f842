import { whyQuery, whyView } from '@marquee/contracts';
import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import type { z } from 'zod';
import type { Why } from '../screens/why/why.service.js';
import { byId } from './campaigns.controller.js';
import { answers } from './openapi.js';
import { WHY } from './tokens.js';

@Controller()
export class WhyController {
  constructor(@Inject(WHY) private readonly why: Why) {}

  @Get('campaigns/:id/why')
  @answers('Why a campaign is or is not playing on a screen, in one sentence', whyView)
  of(@Param({ schema: byId }) { id }: z.output<typeof byId>, @Query({ schema: whyQuery }) { deviceId }: z.output<typeof whyQuery>) {
    return this.why.of(id, deviceId);
  }
}

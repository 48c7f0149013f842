import { campaignView, paused, resumed, retried, retryBody } from '@marquee/contracts';
import { Body, Controller, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import type { Interruptions } from '../campaigns/interruptions.service.js';
import { byId } from './campaigns.controller.js';
import { answers } from './openapi.js';
import { INTERRUPTIONS } from './tokens.js';

const MOST_WAIT_MS = 60_000;
const force = z.enum(['true', 'false']).default('false');
const cancelQuery = z.object({ force });
const pauseQuery = z.object({
  wait: z.coerce.number().int().min(0).max(MOST_WAIT_MS, `must be at most ${MOST_WAIT_MS} ms`).default(0),
  force,
});

@Controller('campaigns/:id')
export class InterruptionsController {
  constructor(@Inject(INTERRUPTIONS) private readonly interruptions: Interruptions) {}

  @Post('pause')
  @HttpCode(200)
  @answers('Pause it; answers when no send of it can start any more', paused)
  pause(@Param({ schema: byId }) { id }: z.output<typeof byId>, @Query({ schema: pauseQuery }) query: z.output<typeof pauseQuery>) {
    return this.interruptions.pause(id, { waitMs: query.wait, force: query.force === 'true' });
  }

  @Post('resume')
  @HttpCode(200)
  @answers('Let it go on where it was paused', resumed)
  resume(@Param({ schema: byId }) { id }: z.output<typeof byId>) {
    return this.interruptions.resume(id);
  }

  @Post('retry')
  @HttpCode(200)
  @answers('Send again what failed, or what nobody knows of', retried)
  retry(@Param({ schema: byId }) { id }: z.output<typeof byId>, @Body({ schema: retryBody }) body: z.output<typeof retryBody>) {
    return this.interruptions.retry(id, body);
  }

  @Post('cancel')
  @HttpCode(200)
  @answers('Cancel it and revoke it everywhere; answers when no send of it can start any more', campaignView)
  cancel(@Param({ schema: byId }) { id }: z.output<typeof byId>, @Query({ schema: cancelQuery }) query: z.output<typeof cancelQuery>) {
    return this.interruptions.cancel(id, query.force === 'true');
  }
}

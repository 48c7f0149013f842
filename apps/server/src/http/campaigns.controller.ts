import {
  audienceCount,
  type AudienceCountBody,
  audienceCountBody,
  backlogView,
  campaignQuery,
  campaignView,
  createCampaign,
  createdCampaign,
  type CreateCampaign,
  deliveryDetail,
  deliveryQuery,
  deliveryView,
  dispatched,
  executionQuery,
  executionView,
  pageOf,
  pageQuery,
} from '@marquee/contracts';
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import type { Audiences } from '../audience/audiences.service.js';
import type { Campaigns } from '../campaigns/campaigns.service.js';
import type { Deliveries } from '../deliveries/deliveries.service.js';
import type { Executions } from '../executions/executions.service.js';
import { answers } from './openapi.js';
import { AUDIENCES, CAMPAIGNS, DELIVERIES, EXECUTIONS } from './tokens.js';

export const byId = z.object({ id: z.uuid('must be a UUID').transform((id) => id.toLowerCase()) });
const listQuery = z.object({ ...pageQuery, ...campaignQuery });
const deliveriesQuery = z.object({ ...pageQuery, ...deliveryQuery });
const executionsQuery = z.object({ ...pageQuery, ...executionQuery });

@Controller()
export class CampaignsController {
  constructor(
    @Inject(CAMPAIGNS) private readonly campaigns: Campaigns,
    @Inject(EXECUTIONS) private readonly executions: Executions,
    @Inject(DELIVERIES) private readonly deliveries: Deliveries,
    @Inject(AUDIENCES) private readonly audiences: Audiences,
  ) {}

  @Post('campaigns')
  @answers('Create a campaign; idempotent by its key', createdCampaign, 201)
  create(@Body({ schema: createCampaign }) body: CreateCampaign) {
    return this.campaigns.create(body);
  }

  @Get('campaigns')
  @answers('Campaigns, newest first', pageOf(campaignView))
  list(@Query({ schema: listQuery }) query: z.output<typeof listQuery>) {
    return this.campaigns.list(query);
  }

  @Post('campaigns/:id/dispatch')
  @HttpCode(200)
  @answers('Start a campaign that waits to be dispatched', dispatched)
  dispatch(@Param({ schema: byId }) { id }: z.output<typeof byId>) {
    return this.executions.dispatch(id);
  }

  @Get('campaigns/:id/executions')
  @answers('Executions of a campaign, newest first', pageOf(executionView))
  executionsOf(
    @Param({ schema: byId }) { id }: z.output<typeof byId>,
    @Query({ schema: executionsQuery }) query: z.output<typeof executionsQuery>,
  ) {
    return this.executions.list(query, id);
  }

  @Get('campaigns/:id/deliveries')
  @answers('Deliveries of the latest execution, by recipient', pageOf(deliveryView))
  deliveriesOf(
    @Param({ schema: byId }) { id }: z.output<typeof byId>,
    @Query({ schema: deliveriesQuery }) query: z.output<typeof deliveriesQuery>,
  ) {
    return this.deliveries.list(id, query);
  }

  @Get('deliveries/:id')
  @answers('One delivery, with its timeline', deliveryDetail)
  delivery(@Param({ schema: byId }) { id }: z.output<typeof byId>) {
    return this.deliveries.get(id);
  }

  @Get('executions')
  @answers('Executions, newest first', pageOf(executionView))
  allExecutions(@Query({ schema: executionsQuery }) query: z.output<typeof executionsQuery>) {
    return this.executions.list(query);
  }

  @Get('executions/backlog')
  @answers('How much waits, and for how long', backlogView)
  backlog() {
    return this.executions.backlog();
  }

  @Get('executions/:id')
  @answers('One execution', executionView)
  execution(@Param({ schema: byId }) { id }: z.output<typeof byId>) {
    return this.executions.get(id);
  }

  @Post('audiences/count')
  @HttpCode(200)
  @answers('How many an audience means now', audienceCount)
  count(@Body({ schema: audienceCountBody }) body: AudienceCountBody) {
    return this.audiences.count(body);
  }
}

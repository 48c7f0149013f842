import {
  campaignDetail,
  clearanceView,
  createdCampaign,
  type CreatedCampaign,
  type EditCampaign,
  editCampaign,
  pageOf,
  pageQuery,
  rollbackBody,
  unclearScreen,
  versionView,
} from '@marquee/contracts';
import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Campaigns } from '../campaigns/campaigns.service.js';
import type { Clearances } from '../campaigns/clearances.service.js';
import type { CampaignVersions } from '../campaigns/versions.service.js';
import { ProblemError } from '../kit/errors.js';
import { byId } from './campaigns.controller.js';
import { answers } from './openapi.js';
import { CAMPAIGNS, CLEARANCES, VERSIONS } from './tokens.js';

const page = z.object(pageQuery);
const IF_MATCH = 'The version that the change is meant for, in quotes, as ETag gave it; * for any';

/** Campaigns as they change: their versions, and what is left of them on screens. ETag and If-Match are RFC 9110 §8.8.3 and §13.1.1. */
@Controller()
export class VersionsController {
  constructor(
    @Inject(CAMPAIGNS) private readonly campaigns: Campaigns,
    @Inject(VERSIONS) private readonly versions: CampaignVersions,
    @Inject(CLEARANCES) private readonly clearances: Clearances,
  ) {}

  @Get('campaigns/:id')
  @answers('A campaign with its counts; its version is the ETag', campaignDetail)
  async get(@Param({ schema: byId }) { id }: z.output<typeof byId>, @Res({ passthrough: true }) reply: FastifyReply) {
    const campaign = await this.campaigns.get(id);
    void reply.header('etag', etagOf(campaign.version));
    return campaign;
  }

  @Put('campaigns/:id')
  @ApiHeader({ name: 'If-Match', required: true, description: IF_MATCH })
  @answers('Change a campaign: its next version, offered to every screen once it is built', createdCampaign)
  async edit(
    @Param({ schema: byId }) { id }: z.output<typeof byId>,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: editCampaign }) body: EditCampaign,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (ifMatch === undefined)
      throw new ProblemError(
        'PRECONDITION_REQUIRED',
        'if-match: is missing: send the version that the change is meant for, as ETag gave it',
      );
    return tagged(reply, await this.versions.edit(id, versionIn(ifMatch), body));
  }

  @Get('campaigns/:id/versions')
  @answers('Versions of a campaign, newest first, and how many screens have which', pageOf(versionView))
  list(@Param({ schema: byId }) { id }: z.output<typeof byId>, @Query({ schema: page }) query: z.output<typeof page>) {
    return this.versions.list(id, query);
  }

  @Post('campaigns/:id/rollback')
  @HttpCode(200)
  @ApiHeader({ name: 'If-Match', required: false, description: IF_MATCH })
  @answers('Make the next version of a campaign with the content of an earlier one', createdCampaign)
  async rollback(
    @Param({ schema: byId }) { id }: z.output<typeof byId>,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: rollbackBody }) { version }: z.output<typeof rollbackBody>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return tagged(reply, await this.versions.rollback(id, ifMatch === undefined ? 'any' : versionIn(ifMatch), version));
  }

  @Get('campaigns/:id/clearance')
  @answers('After a cancel: how many screens are clean of it, and when the last copy ends by itself', clearanceView)
  clearance(@Param({ schema: byId }) { id }: z.output<typeof byId>) {
    return this.clearances.of(id);
  }

  @Get('campaigns/:id/clearance/screens')
  @answers('After a cancel: the screens that are not clean of it, by their ids', pageOf(unclearScreen))
  unclear(@Param({ schema: byId }) { id }: z.output<typeof byId>, @Query({ schema: page }) query: z.output<typeof page>) {
    return this.clearances.screens(id, query);
  }
}

function etagOf(version: number): string {
  return `"${version}"`;
}

function tagged(reply: FastifyReply, campaign: CreatedCampaign): CreatedCampaign {
  void reply.header('etag', etagOf(campaign.version));
  return campaign;
}

/** A weak tag is taken as well: caches that compress make strong ones weak. */
function versionIn(ifMatch: string): number | 'any' {
  if (ifMatch.trim() === '*') return 'any';
  const [, digits] = /^(?:W\/)?"?(\d{1,9})"?$/.exec(ifMatch.trim()) ?? [];
  if (digits === undefined) throw new ProblemError('VALIDATION_FAILED', ['if-match: must be a version in quotes, as ETag gave it']);
  return Number(digits);
}

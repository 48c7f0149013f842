import {
  alertQuery,
  alertRuleView,
  deviceId,
  noticeQuery,
  noticeView,
  outageView,
  pageOf,
  pageQuery,
  type PutAlertRule,
  putAlertRule,
  queuedNotices,
  type SnoozeBody,
  snoozeBody,
  snoozeView,
} from '@marquee/contracts';
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Put, Query } from '@nestjs/common';
import { z } from 'zod';
import type { AlertRules } from '../alerts/alert-rules.service.js';
import type { Outages } from '../alerts/outages.service.js';
import { byId } from './campaigns.controller.js';
import { answers } from './openapi.js';
import { ALERT_RULES, OUTAGES } from './tokens.js';

type ById = z.output<typeof byId>;
const page = z.object(pageQuery);
const outagesQuery = z.object({ ...pageQuery, ...alertQuery });
const noticesQuery = z.object({ ...pageQuery, ...noticeQuery });
const byDevice = z.object({ id: deviceId });
type ByDevice = z.output<typeof byDevice>;

@Controller('alert-rules')
export class AlertRulesController {
  constructor(@Inject(ALERT_RULES) private readonly rules: AlertRules) {}

  @Get()
  @answers('Alert rules, oldest first', pageOf(alertRuleView))
  list(@Query({ schema: page }) query: z.output<typeof page>) {
    return this.rules.list(query);
  }

  @Post()
  @answers('Make an alert rule; its secret is never answered', alertRuleView, 201)
  create(@Body({ schema: putAlertRule }) body: PutAlertRule) {
    return this.rules.create(body);
  }

  @Get(':id')
  @answers('One alert rule', alertRuleView)
  get(@Param({ schema: byId }) { id }: ById) {
    return this.rules.get(id);
  }

  @Put(':id')
  @answers('Set all of an alert rule; a webhook secret that is not named stays', alertRuleView)
  put(@Param({ schema: byId }) { id }: ById, @Body({ schema: putAlertRule }) body: PutAlertRule) {
    return this.rules.put(id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @answers('Forget an alert rule, its outages and its notices', z.undefined(), 204)
  async delete(@Param({ schema: byId }) { id }: ById): Promise<void> {
    await this.rules.delete(id);
  }

  @Post(':id/test')
  @HttpCode(200)
  @answers('Send a test notice to everyone whom the rule tells', queuedNotices)
  test(@Param({ schema: byId }) { id }: ById) {
    return this.rules.test(id);
  }

  @Post(':id/snooze')
  @HttpCode(200)
  @answers('Send nothing of this rule until a moment; what is still offline then is told', snoozeView)
  snooze(@Param({ schema: byId }) { id }: ById, @Body({ schema: snoozeBody }) body: SnoozeBody) {
    return this.rules.snooze(id, body);
  }

  @Delete(':id/snooze')
  @HttpCode(204)
  @answers('End the snooze of a rule', z.undefined(), 204)
  async wake(@Param({ schema: byId }) { id }: ById): Promise<void> {
    await this.rules.wake(id);
  }
}

@Controller('screens')
export class SnoozesController {
  constructor(@Inject(ALERT_RULES) private readonly rules: AlertRules) {}

  @Get(':id/snooze')
  @answers('Until when a screen is snoozed; null when it is not', snoozeView)
  get(@Param({ schema: byDevice }) { id }: ByDevice) {
    return this.rules.snoozeOfScreen(id);
  }

  @Post(':id/snooze')
  @HttpCode(200)
  @answers('Send nothing about this screen until a moment; if it is still offline then, it is told', snoozeView)
  snooze(@Param({ schema: byDevice }) { id }: ByDevice, @Body({ schema: snoozeBody }) body: SnoozeBody) {
    return this.rules.snoozeScreen(id, body);
  }

  @Delete(':id/snooze')
  @HttpCode(204)
  @answers('End the snooze of a screen', z.undefined(), 204)
  async wake(@Param({ schema: byDevice }) { id }: ByDevice): Promise<void> {
    await this.rules.wakeScreen(id);
  }
}

@Controller()
export class AlertsController {
  constructor(@Inject(OUTAGES) private readonly outages: Outages) {}

  @Get('alerts')
  @answers('Outages, newest first', pageOf(outageView))
  list(@Query({ schema: outagesQuery }) query: z.output<typeof outagesQuery>) {
    return this.outages.list(query);
  }

  @Get('notices')
  @answers('Notices and what became of them, newest first', pageOf(noticeView))
  notices(@Query({ schema: noticesQuery }) query: z.output<typeof noticesQuery>) {
    return this.outages.notices(query);
  }
}

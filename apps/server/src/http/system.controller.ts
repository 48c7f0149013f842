import { type BusStatus, busStatus, clientConfig, serverTime } from '@marquee/contracts';
import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiExcludeEndpoint } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { HttpSettings } from './assets.controller.js';
import { answers } from './openapi.js';
import { HTTP_SETTINGS, SYSTEM } from './tokens.js';

/** What the process says of itself. */
export interface System {
  now(): number;
  /** What is not ready, one sentence each; empty when all is. */
  unready(): Promise<string[]>;
  bus(): Promise<BusStatus>;
  /** Prometheus text. */
  metrics(): Promise<{ type: string; text: string }>;
}

@Controller()
export class SystemController {
  constructor(
    @Inject(SYSTEM) private readonly system: System,
    @Inject(HTTP_SETTINGS) private readonly settings: HttpSettings,
  ) {}

  @Get('time')
  @answers('The time by which screens play', serverTime)
  time() {
    return { now: this.system.now() };
  }

  @Get('client-config')
  @answers('How a page of ours reaches this server', clientConfig)
  async clientConfig() {
    return { apiBaseUrl: this.settings.apiBaseUrl, brokerUrl: await this.settings.brokerUrl(), authOff: true };
  }

  @Get('bus/status')
  @answers(
    'What carries deliveries from those who claim to those who send: whether it is reached, what waits, and its dead letters',
    busStatus,
  )
  async bus() {
    return await this.system.bus();
  }

  @Get('healthz')
  @ApiExcludeEndpoint()
  health() {
    return { status: 'ok' };
  }

  @Get('readyz')
  @ApiExcludeEndpoint()
  async ready(@Res() reply: FastifyReply) {
    const unready = await this.system.unready();
    await reply.status(unready.length === 0 ? 200 : 503).send({ status: unready.length === 0 ? 'ready' : 'not ready', unready });
  }

  @Get('metrics')
  @ApiExcludeEndpoint()
  async metrics(@Res() reply: FastifyReply) {
    const { type, text } = await this.system.metrics();
    await reply.type(type).send(text);
  }
}

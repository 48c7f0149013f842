import {
  deviceId,
  importReport,
  pageOf,
  pageQuery,
  type PutScreen,
  putScreen,
  screenDelivery,
  screenDetail,
  screenQuery,
  screenView,
  storedEvent,
  uncountedPageOf,
} from '@marquee/contracts';
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Put, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { importScreens } from '../screens/import.js';
import type { ScreenHistory } from '../screens/screen-history.js';
import type { Screens } from '../screens/screens.service.js';
import type { HttpSettings } from './assets.controller.js';
import { importOf, takesImport } from './imports.js';
import { answers } from './openapi.js';
import { HTTP_SETTINGS, SCREEN_HISTORY, SCREENS } from './tokens.js';

const byDevice = z.object({ id: deviceId });
const historyQuery = z.object(pageQuery);
const listQuery = z.object({ ...pageQuery, ...screenQuery });

@Controller('screens')
export class ScreensController {
  constructor(
    @Inject(SCREENS) private readonly screens: Screens,
    @Inject(SCREEN_HISTORY) private readonly history: ScreenHistory,
    @Inject(HTTP_SETTINGS) private readonly settings: HttpSettings,
  ) {}

  @Get()
  @answers('Screens, by id', pageOf(screenView))
  list(@Query({ schema: listQuery }) query: z.output<typeof listQuery>) {
    return this.screens.list(query);
  }

  @Post('import')
  @HttpCode(200)
  @takesImport()
  @answers('Import screens from CSV or JSON Lines; lines that are not valid are reported and the rest kept', importReport)
  import(@Req() request: FastifyRequest) {
    const { source, file } = importOf(request, this.settings.importMaxBytes);
    return importScreens(this.screens, source, file);
  }

  @Get(':id')
  @answers('One screen', screenDetail)
  get(@Param({ schema: byDevice }) { id }: z.output<typeof byDevice>) {
    return this.screens.get(id);
  }

  @Get(':id/deliveries')
  @answers('What was meant for a screen, the newest first', uncountedPageOf(screenDelivery))
  deliveries(
    @Param({ schema: byDevice }) { id }: z.output<typeof byDevice>,
    @Query({ schema: historyQuery }) query: z.output<typeof historyQuery>,
  ) {
    return this.history.deliveries(id, query);
  }

  @Get(':id/events')
  @answers('What a screen said, the last first', uncountedPageOf(storedEvent))
  events(
    @Param({ schema: byDevice }) { id }: z.output<typeof byDevice>,
    @Query({ schema: historyQuery }) query: z.output<typeof historyQuery>,
  ) {
    return this.history.events(id, query);
  }

  @Put(':id')
  @answers('Register a screen, or set its group, tags and metadata', screenDetail)
  put(@Param({ schema: byDevice }) { id }: z.output<typeof byDevice>, @Body({ schema: putScreen }) body: PutScreen) {
    return this.screens.put(id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  @answers('Forget a screen and its events', z.undefined(), 204)
  async delete(@Param({ schema: byDevice }) { id }: z.output<typeof byDevice>): Promise<void> {
    await this.screens.delete(id);
  }
}

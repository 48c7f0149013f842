import { controlAsked, deviceId } from '@marquee/contracts';
import { Controller, Get, HttpCode, Inject, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiProduces } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ProblemError } from '../kit/errors.js';
import type { Controls } from '../screens/controls.js';
import { answers } from './openapi.js';
import { CONTROLS } from './tokens.js';

const byDevice = z.object({ id: deviceId });
const uploadQuery = z.object({ token: z.string().min(1).max(200) });
const kept = z.object({ takenAt: z.int() });

/** What a picture may come as; what it is, its bytes say. */
export const PICTURE_TYPES = ['image/png', 'image/jpeg', 'application/octet-stream'];
export const PICTURE_MAX_BYTES = 4 * 1024 * 1024;

@Controller('screens')
export class ControlsController {
  constructor(@Inject(CONTROLS) private readonly controls: Controls) {}

  @Post(':id/identify')
  @HttpCode(202)
  @answers('Have a screen show which one it is', controlAsked, 202)
  async identify(@Param({ schema: byDevice }) { id }: z.output<typeof byDevice>) {
    await this.controls.tell(id, { type: 'identify' });
    return { asked: true };
  }

  @Post(':id/reload')
  @HttpCode(202)
  @answers('Have a screen load its player anew', controlAsked, 202)
  async reload(@Param({ schema: byDevice }) { id }: z.output<typeof byDevice>) {
    await this.controls.tell(id, { type: 'reload' });
    return { asked: true };
  }

  @Post(':id/screenshot')
  @HttpCode(202)
  @answers('Ask a screen for a picture of what it shows; it is there when screenshotAt of the screen has moved', controlAsked, 202)
  async screenshot(@Param({ schema: byDevice }) { id }: z.output<typeof byDevice>) {
    await this.controls.askForPicture(id);
    return { asked: true };
  }

  /** The token alone says who may: a screen has no account. */
  @Put(':id/screenshot')
  @ApiConsumes(...PICTURE_TYPES)
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @answers('The picture, from the screen: once, with the token that it was given', kept)
  async upload(
    @Param({ schema: byDevice }) { id }: z.output<typeof byDevice>,
    @Query({ schema: uploadQuery }) { token }: z.output<typeof uploadQuery>,
    @Req() request: FastifyRequest,
  ) {
    if (!Buffer.isBuffer(request.body) || request.body.length === 0) throw new ProblemError('VALIDATION_FAILED', ['body: is missing']);
    return await this.controls.keepPicture(id, token, request.body);
  }

  @Get(':id/screenshot')
  @ApiProduces('image/png', 'image/jpeg')
  @ApiOperation({ summary: 'The last picture of a screen' })
  async picture(@Param({ schema: byDevice }) { id }: z.output<typeof byDevice>, @Res() reply: FastifyReply): Promise<void> {
    const { type, image, takenAt } = await this.controls.picture(id);
    void reply.headers({
      'content-type': type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'last-modified': new Date(takenAt).toUTCString(),
    });
    await reply.send(image);
  }
}

import {
  deadLetter,
  type DeadLetterChoice,
  deadLetterChoice,
  deadLetterRow,
  deadLettersMoved,
  pageOf,
  pageQuery,
} from '@marquee/contracts';
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import type { DeadLetters } from '../clicks/dead-letters/dead-letters.service.js';
import { answers } from './openapi.js';
import { DEAD_LETTERS } from './tokens.js';

const byNumber = z.object({ id: z.coerce.number().pipe(z.int().min(1)) });
const listQuery = z.object(pageQuery);

@Controller('clicks/dead-letters')
export class DeadLettersController {
  constructor(@Inject(DEAD_LETTERS) private readonly letters: DeadLetters) {}

  @Get()
  @answers('Clicks that could not be counted, the newest first', pageOf(deadLetterRow))
  list(@Query({ schema: listQuery }) query: z.output<typeof listQuery>) {
    return this.letters.list(query);
  }

  @Post('redrive')
  @HttpCode(200)
  @answers('Send dead letters back into the queue; in the ledger they are in flight again', deadLettersMoved)
  async redrive(@Body({ schema: deadLetterChoice }) choice: DeadLetterChoice) {
    return { moved: await this.letters.redrive(choice) };
  }

  @Post('purge')
  @HttpCode(200)
  @answers('Forget dead letters for good; in the ledger they stay dead', deadLettersMoved)
  async purge(@Body({ schema: deadLetterChoice }) choice: DeadLetterChoice) {
    return { moved: await this.letters.purge(choice) };
  }

  @Get(':id')
  @answers('One dead letter with the message as it came', deadLetter)
  get(@Param({ schema: byNumber }) { id }: z.output<typeof byNumber>) {
    return this.letters.get(id);
  }
}

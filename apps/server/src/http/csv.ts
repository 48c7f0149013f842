import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** Answers with a file of CSV, read as it is taken. */
export async function sendCsv(reply: FastifyReply, name: string, lines: AsyncIterable<string>): Promise<void> {
  void reply.headers({
    'content-type': 'text/csv; charset=utf-8',
    'content-disposition': `attachment; filename="${name}"`,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  await reply.send(Readable.from(lines));
}

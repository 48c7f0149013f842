import type { Readable } from 'node:stream';
import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiConsumes } from '@nestjs/swagger';
import { ROUTES } from '@marquee/contracts';
import type { FastifyRequest } from 'fastify';
import { ProblemError } from '../kit/errors.js';
import type { FileToImport } from '../kit/import/import-lines.js';

const FORMATS: Record<string, FileToImport['format']> = { 'text/csv': 'csv', 'application/x-ndjson': 'ndjson' };

/** The stream types that an import may come in, and the routes that take them. */
export const IMPORT_TYPES = Object.keys(FORMATS);
export const IMPORT_ROUTES: ReadonlySet<string | undefined> = new Set([ROUTES.screenImport, ROUTES.contactImport]);

/** Documents the body of an import. */
export function takesImport(): MethodDecorator {
  return applyDecorators(ApiConsumes(...IMPORT_TYPES), ApiBody({ schema: { type: 'string', format: 'binary' } }));
}

/** The file that a request brings, not read yet. Refuses another type or charset, a coded body, and one that says it is too large. */
export function importOf(request: FastifyRequest, maxBytes: number): { source: Readable; file: FileToImport } {
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').toLowerCase().split(';');
  const format = FORMATS[type.trim()];
  if (format === undefined) throw unsupported('content-type: must be text/csv or application/x-ndjson');
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=');
    if (name.trim() === 'charset' && !/^"?(utf-8|us-ascii)"?$/.test(value.trim()))
      throw unsupported('content-type: the charset must be utf-8');
  }
  const coding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (coding !== 'identity') throw unsupported('content-encoding: must be identity');
  if (Number(request.headers['content-length'] ?? 0) > maxBytes)
    throw new ProblemError('PAYLOAD_TOO_LARGE', `the file is larger than ${maxBytes} bytes; nothing of it was read`);
  return { source: request.body as Readable, file: { format, maxBytes } };
}

function unsupported(reason: string): ProblemError {
  return new ProblemError('UNSUPPORTED_MEDIA_TYPE', reason);
}

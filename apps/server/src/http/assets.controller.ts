import type { Readable } from 'node:stream';
import { storedAsset } from '@marquee/contracts';
import { Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Templates } from '../creatives/templates.js';
import { ProblemError, reasonOf } from '../kit/errors.js';
import { byteRange } from '../storage/byte-range.js';
import { servingHeaders } from '../storage/serving-headers.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { byId } from './campaigns.controller.js';
import { answers } from './openapi.js';
import { HTTP_SETTINGS, STORAGE, TEMPLATES } from './tokens.js';

export interface HttpSettings {
  apiBaseUrl: string;
  /** Where players in a browser find the broker now. */
  brokerUrl(): Promise<string>;
  assetMaxBytes: number;
  importMaxBytes: number;
  corsOrigins: string[] | '*';
}

const byDigest = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits') });
const templateQuery = z.object({
  v: z
    .string()
    .max(64)
    .regex(/^\d{1,9}(-[0-9a-f]+)?$/, 'is not a version')
    .optional(),
});
/** What a digest or a versioned URL names never changes. */
const IMMUTABLE = 'public, max-age=31536000, immutable';

@Controller()
export class AssetsController {
  constructor(
    @Inject(STORAGE) private readonly storage: Storage,
    @Inject(TEMPLATES) private readonly templates: Templates,
    @Inject(HTTP_SETTINGS) private readonly settings: HttpSettings,
  ) {}

  @Post('assets')
  @ApiConsumes('multipart/form-data')
  @ApiBody({ schema: { type: 'object', required: ['file'], properties: { file: { type: 'string', format: 'binary' } } } })
  @answers('Upload an image, a video or an HTML page', storedAsset, 201)
  async upload(@Req() request: FastifyRequest) {
    if (!request.isMultipart()) throw new ProblemError('UNSUPPORTED_MEDIA_TYPE', 'content-type: must be multipart/form-data');
    const part = await this.filePart(request);
    let broken: unknown;
    part.once('error', (error) => {
      broken = error;
    });
    try {
      const { sha256, sizeBytes, type } = await this.storage.put(part, { maxBytes: this.settings.assetMaxBytes });
      return { url: `${this.settings.apiBaseUrl}/assets/${sha256}`, sha256, sizeBytes, type };
    } catch (error) {
      if (error === broken) throw unreadable(error);
      throw error instanceof StorageError ? refusal(error) : error;
    }
  }

  private async filePart(request: FastifyRequest): Promise<Readable> {
    const part = await request.file({ limits: { files: 1, fileSize: this.settings.assetMaxBytes + 1 } }).catch((error: unknown) => {
      throw unreadable(error);
    });
    if (part === undefined) throw new ProblemError('VALIDATION_FAILED', ['file: is missing']);
    return part.file;
  }

  @Get('assets/:sha256')
  @ApiOperation({ summary: 'An asset by its digest; immutable, with byte ranges' })
  async asset(
    @Param({ schema: byDigest }) { sha256 }: z.output<typeof byDigest>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const kept = await this.storage.stat(sha256);
    if (kept === undefined) throw new ProblemError('NOT_FOUND', `there is no asset ${sha256}`);
    void reply.headers({ ...servingHeaders(kept.type), 'cache-control': IMMUTABLE, etag: `"${sha256}"`, 'accept-ranges': 'bytes' });
    if (request.headers['if-none-match'] === `"${sha256}"`) return await reply.status(304).send();
    const range = byteRange(request.headers.range, kept.sizeBytes);
    if (range === 'unsatisfiable') return await reply.status(416).header('content-range', `bytes */${kept.sizeBytes}`).send();
    const opened = await this.storage.open(sha256, range);
    if (opened === undefined) throw new ProblemError('NOT_FOUND', `there is no asset ${sha256}`);
    if (range !== undefined) void reply.status(206).header('content-range', `bytes ${range.start}-${range.end}/${kept.sizeBytes}`);
    const length = range === undefined ? kept.sizeBytes : range.end - range.start + 1;
    return await reply.header('content-length', length).send(opened.stream);
  }

  @Get('templates/:id/index.html')
  @ApiOperation({ summary: 'The built page of a campaign' })
  async template(
    @Param({ schema: byId }) { id }: z.output<typeof byId>,
    @Query({ schema: templateQuery }) { v }: z.output<typeof templateQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    const version = v === undefined ? undefined : Number.parseInt(v, 10);
    const template = await this.templates.find(id, version);
    if (template === undefined)
      throw new ProblemError('NOT_FOUND', `campaign ${id} has no template${v === undefined ? ' yet' : ` of version ${v}`}`);
    const etag = `"${template.sha256}"`;
    const named = v?.includes('-') === true && template.sha256.startsWith(v.split('-')[1] ?? ' ');
    void reply.headers({ 'content-type': 'text/html; charset=utf-8', 'x-content-type-options': 'nosniff', etag });
    // The page is a stranger's on our origin: sandboxed, it cannot speak to the API as the person who opens it.
    void reply.headers({ 'content-security-policy': 'sandbox allow-scripts', 'cache-control': named ? IMMUTABLE : 'no-cache' });
    if (request.headers['if-none-match'] === etag) return await reply.status(304).send();
    return await reply.send(template.html);
  }
}

function unreadable(error: unknown): ProblemError {
  return new ProblemError('VALIDATION_FAILED', [`file: the multipart body cannot be read: ${reasonOf(error)}`]);
}

function refusal(error: StorageError): ProblemError {
  if (error.kind === 'TooLarge') return new ProblemError('PAYLOAD_TOO_LARGE', `file: ${error.message}`);
  if (error.kind === 'StorageFull') return new ProblemError('STORAGE_FULL', 'file: there is no space left to keep it');
  return new ProblemError('VALIDATION_FAILED', [`file: ${error.message}`]);
}

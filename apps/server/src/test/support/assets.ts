import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { StoredAsset } from '@marquee/contracts';
import { expect } from 'vitest';
import type { HttpClient, Answer } from './http-client.js';

export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);
/** The first box of an MP4 says what it is; the rest may be anything. */
export const MP4 = Buffer.concat([Buffer.from('0000001c667479706d703432000000006d70343269736f6d', 'hex'), Buffer.alloc(3000, 7)]);
export const HTML = Buffer.from('<!doctype html>\n<html><body><h1>Hello</h1></body></html>\n');

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A PNG that no other test has: a comment chunk's worth of bytes behind the picture makes another digest. */
export function pngNamed(name: string): Buffer {
  return Buffer.concat([PNG, Buffer.from(name)]);
}

/** A multipart body by hand, so that its parts can also be wrong. */
export function multipart(parts: { name: string; filename?: string; content: Buffer | string }[]): { body: Buffer; type: string } {
  const boundary = 'marquee-test-boundary';
  const chunks = parts.flatMap(({ name, filename, content }) => [
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n\r\n`,
    content,
    '\r\n',
  ]);
  const body = Buffer.concat([...chunks, `--${boundary}--\r\n`].map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk) : chunk)));
  return { body, type: `multipart/form-data; boundary=${boundary}` };
}

export async function sendUpload(http: HttpClient, content: Buffer | string, filename = 'file.bin'): Promise<Answer> {
  const { body, type } = multipart([{ name: 'file', filename, content }]);
  return await http.post('/assets', body, { 'content-type': type });
}

/** Uploads what must be taken. */
export async function upload(http: HttpClient, content: Buffer | string): Promise<StoredAsset> {
  const answer = await sendUpload(http, content);
  expect(answer.status, answer.text).toBe(201);
  return answer.json() as StoredAsset;
}

/** A web server of a planner's: answers by path, and counts who asked. */
export class OriginServer {
  readonly asked = new Map<string, number>();

  private constructor(
    private readonly server: Server,
    readonly base: string,
  ) {}

  static async start(answer: (path: string, response: ServerResponse, request: IncomingMessage) => void): Promise<OriginServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const origin = new OriginServer(server, `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
    server.on('request', (request, response) => {
      const path = request.url ?? '';
      origin.asked.set(path, (origin.asked.get(path) ?? 0) + 1);
      answer(path, response, request);
    });
    return origin;
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}

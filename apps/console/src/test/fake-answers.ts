import { type CampaignDetail, ERRORS, type ErrorCode, type LockHolder } from '@marquee/contracts';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** A refusal that a test asks for. */
export interface Refusal {
  code: ErrorCode;
  message: string | string[];
  holders?: LockHolder[];
}

export const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function refuse(response: ServerResponse, { code, message, holders }: Refusal): void {
  const { status, title } = ERRORS[code];
  response
    .writeHead(status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify({ type: 'about:blank', title, status, code, message, statusCode: status, holders }));
}

export function newestFirst(campaigns: CampaignDetail[]): CampaignDetail[] {
  return campaigns.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt));
}

export function by<Row>(url: URL, name: string, value: (row: Row) => string | null): (row: Row) => boolean {
  const wanted = url.searchParams.get(name);
  return (row) => wanted === null || value(row) === wanted;
}

export function pageOf<Row>(rows: Row[], url: URL) {
  const limit = Number(url.searchParams.get('limit') ?? 20);
  const cursor = url.searchParams.get('cursor');
  const offset = Number(cursor ?? url.searchParams.get('offset') ?? 0);
  const next = offset + limit;
  return { data: rows.slice(offset, next), total: rows.length, offset, limit, nextCursor: next < rows.length ? String(next) : null };
}

import type { Page } from '@marquee/contracts';
import { ProblemError } from './errors.js';

/** The cursor that goes on after a row; opaque to clients. */
export function encodeCursor(after: string): string {
  return Buffer.from(after, 'utf8').toString('base64url');
}

/** The row a cursor goes on after; VALIDATION_FAILED when the list did not make it. */
export function decodeCursor(cursor: string | undefined, isValid: (after: string) => boolean): string | undefined {
  if (cursor === undefined) return undefined;
  const after = Buffer.from(cursor, 'base64url').toString('utf8');
  if (!isValid(after)) throw new ProblemError('VALIDATION_FAILED', ['cursor: is not a cursor of this list']);
  return after;
}

/** Cuts a page out of rows that were read one more than `limit`: the one too many says that there is a next page. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  page: { total: number; offset: number; limit: number },
  view: (row: Row) => Item,
  cursorOf: (row: Row) => string,
): Page<Item> {
  const kept = rows.slice(0, page.limit);
  const last = kept.at(-1);
  const nextCursor = rows.length > page.limit && last !== undefined ? encodeCursor(cursorOf(last)) : null;
  return { data: kept.map(view), ...page, nextCursor };
}

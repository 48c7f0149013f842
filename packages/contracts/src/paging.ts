import { z } from 'zod';

export const MAX_PAGE = 100;
export const DEFAULT_PAGE = 20;

/** Query of every list: newest first, by offset or by the cursor of the page before. */
export const pageQuery = {
  offset: z.coerce.number().int().min(0).max(10_000_000).default(0),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(DEFAULT_PAGE),
  cursor: z
    .string()
    .max(512)
    .regex(/^[A-Za-z0-9_-]+$/, 'is not a cursor of this list')
    .optional(),
};

/** One page of a list; `nextCursor` is null on the last one. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ data: z.array(item), total: z.int(), offset: z.int(), limit: z.int(), nextCursor: z.string().nullable() });
}
/** The same without a total, where counting would cost more than the page. */
export function uncountedPageOf<Item extends z.ZodType>(item: Item) {
  return pageOf(item).omit({ total: true });
}
export interface Page<Item> {
  data: Item[];
  total: number;
  offset: number;
  limit: number;
  nextCursor: string | null;
}

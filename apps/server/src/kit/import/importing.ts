import type { z } from 'zod';

export type ImportFormat = 'csv' | 'ndjson';

/** A line of the file, or why it cannot be read. */
export type Line = { line: number; size: number } & ({ value: unknown } | { reason: string });

/** What became of rows. */
export interface Taken {
  imported: number;
  updated: number;
  unchanged: number;
}

/** Counts every line that is not blank, in one of its figures; `rejected` lists the first of the `rejectedTotal`. */
export interface ImportResult extends Taken {
  rejected: { line: number; reason: string }[];
  rejectedTotal: number;
}

/** What is imported. */
export interface Importing<Row> {
  schema: z.ZodType<Row>;
  keyOf: (row: Row) => string;
  /** Columns that CSV may have, in any letter case; the first must be there. */
  columns: readonly [string, ...string[]];
  /** A CSV record as the schema takes it, out of the cells of those columns and of all others. */
  fromCells: (cells: Record<string, string>, others: Record<string, string>) => { value: unknown } | { reason: string };
  /** Stores rows, each key once. */
  put: (rows: Row[]) => Promise<Taken>;
}

/** What bytes become that are no UTF-8. */
export const REPLACED = '\uFFFD';
export const NOT_UTF8 = 'line: is not valid UTF-8';

/** The tags of a CSV cell: parted by `;` or `|`, blank ones left out. */
export function tagsOf(cell = ''): string[] {
  return cell
    .split(/[;|]/)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
}

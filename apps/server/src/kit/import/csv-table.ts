import type { CsvRecord } from './csv.js';
import { type Importing, type Line, NOT_UTF8, REPLACED } from './importing.js';

interface Column {
  name: string;
  /** One of those that the import knows; else its own. */
  known: boolean;
}

const STOPPED = '; the file was not read';

/** Reads the first record as the header, and each one after it by the header. Without a header that can be used, nothing is read. */
export class CsvTable {
  private columns: (Column | undefined)[] | undefined;
  private broken = false;

  constructor(
    private readonly names: Importing<unknown>['columns'],
    private readonly fromCells: Importing<unknown>['fromCells'],
  ) {}

  take(records: CsvRecord[]): Line[] {
    const lines: Line[] = [];
    for (const record of records) {
      if (this.broken) break;
      const { line, size } = record;
      if (this.columns !== undefined) {
        lines.push({ line, size, ...('reason' in record ? record : this.read(record.cells, this.columns)) });
        continue;
      }
      const header = 'reason' in record ? record.reason.replace(/^line:/, 'header:') : this.header(record.cells);
      if (typeof header === 'string') {
        this.broken = true;
        lines.push({ line, size, reason: header + STOPPED });
      } else {
        this.columns = header;
      }
    }
    return lines;
  }

  /** The columns that the header names, or why it cannot be used. A column without a name is not looked at. */
  private header(cells: string[]): (Column | undefined)[] | string {
    if (cells.some((cell) => cell.includes(REPLACED))) return 'header: is not valid UTF-8';
    const columns = cells.map((cell): Column | undefined => {
      if (cell === '') return undefined;
      const known = this.names.find((name) => name.toLowerCase() === cell.toLowerCase());
      return { name: known ?? cell, known: known !== undefined };
    });
    const seen = new Set<string>();
    for (const column of columns) {
      if (column === undefined) continue;
      if (seen.has(column.name)) return `header: names the column ${column.name} twice`;
      seen.add(column.name);
    }
    return seen.has(this.names[0]) ? columns : `header: has no column ${this.names[0]}`;
  }

  private read(cells: string[], columns: (Column | undefined)[]): { value: unknown } | { reason: string } {
    if (cells.length > columns.length && cells.slice(columns.length).some((cell) => cell !== ''))
      return { reason: `line: has ${cells.length} cells, and the header ${columns.length}` };
    const known: Record<string, string> = {};
    const others: [string, string][] = [];
    for (const [index, column] of columns.entries()) {
      const cell = cells[index] ?? '';
      if (cell.includes(REPLACED)) return { reason: NOT_UTF8 };
      if (column === undefined || cell === '') continue;
      if (column.known) known[column.name] = cell;
      else others.push([column.name, cell]);
    }
    return this.fromCells(known, Object.fromEntries(others));
  }
}

import { CsvError } from 'csv-parse';
import { parse } from 'csv-parse/sync';
import { MAX_LINE } from './text-lines.js';

/** A record of the file by the number of its first line, or why it cannot be read. */
export type CsvRecord = { line: number; size: number } & ({ cells: string[] } | { reason: string });

interface NumberedLine {
  line: number;
  text: string;
}

/**
 * Puts lines together to CSV records (RFC 4180: comma, double quotes, line ends inside of quotes, which become line feeds). A line with a quote that is never closed,
 * or that stands where none may, costs itself alone: reading goes on with the line after it, as csv-parse by itself would not, which takes all
 * up to the next quote, or to the end, for one cell. Holds at most `MAX_LINE` characters.
 */
export class CsvRecords {
  private line = 0;
  /** Lines of a record whose quote is open. */
  private open: NumberedLine[] = [];
  private openSize = 0;
  /** Records of one line, parsed together. */
  private whole: NumberedLine[] = [];
  private out: CsvRecord[] = [];

  /** Takes the next lines (undefined: one that is too long); answers the records that are complete by them. */
  take(lines: readonly (string | undefined)[]): CsvRecord[] {
    for (const text of lines) {
      this.line += 1;
      if (text === undefined) {
        while (this.open.length > 0) this.giveUp();
        this.parseWhole();
        this.out.push({ line: this.line, size: 0, reason: `line: is longer than ${MAX_LINE} characters` });
      } else {
        this.add({ line: this.line, text });
      }
    }
    this.parseWhole();
    return this.given();
  }

  /** There are no more lines; answers the records that are left. */
  end(): CsvRecord[] {
    while (this.open.length > 0) this.giveUp();
    this.parseWhole();
    return this.given();
  }

  private given(): CsvRecord[] {
    const { out } = this;
    this.out = [];
    return out;
  }

  private add(next: NumberedLine): void {
    while (this.open.length > 0 && this.openSize + next.text.length > MAX_LINE) this.giveUp();
    const odd = countQuotes(next.text) % 2 === 1;
    if (this.open.length === 0 && !odd) {
      if (next.text.trim() !== '') this.whole.push(next);
      return;
    }
    this.open.push(next);
    this.openSize += next.text.length + 1;
    if (odd && this.open.length > 1) this.close();
  }

  /** The quotes of the open lines are even: they are one record, or the first of them is broken. */
  private close(): void {
    this.parseWhole();
    const [record] = parseRecords([{ line: this.open[0]?.line ?? 0, text: this.open.map(({ text }) => text).join('\n') }]);
    if (record === undefined || 'reason' in record) {
      this.giveUp(record?.reason);
      return;
    }
    this.out.push(record);
    this.open = [];
    this.openSize = 0;
  }

  /** Refuses the first of the open lines and reads those after it anew. */
  private giveUp(reason = 'line: a quote is opened and not closed'): void {
    const [first, ...after] = this.open;
    this.open = [];
    this.openSize = 0;
    if (first === undefined) return;
    this.parseWhole();
    this.out.push({ line: first.line, size: first.text.length, reason });
    for (const line of after) this.add(line);
  }

  private parseWhole(): void {
    if (this.whole.length === 0) return;
    const lines = this.whole;
    this.whole = [];
    for (const record of parseRecords(lines)) this.out.push(record);
  }
}

/** Each is one record; halves what cannot be parsed until the one that is broken is alone. */
function parseRecords(lines: NumberedLine[]): CsvRecord[] {
  try {
    const rows = parse(lines.map(({ text }) => text).join('\n'), {
      record_delimiter: '\n',
      relax_column_count: true,
      trim: true,
    });
    if (rows.length === lines.length) return rows.map((cells, index) => recordOf(lines[index], cells));
    if (lines.length === 1) return lines.map(({ line, text }) => ({ line, size: text.length, reason: MISPLACED }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    if (lines.length === 1) return lines.map(({ line, text }) => ({ line, size: text.length, reason: reasonOf(error) }));
  }
  const middle = Math.ceil(lines.length / 2);
  return [...parseRecords(lines.slice(0, middle)), ...parseRecords(lines.slice(middle))];
}

function recordOf(line: NumberedLine | undefined, cells: string[]): CsvRecord {
  return { line: line?.line ?? 0, size: line?.text.length ?? 0, cells };
}

const MISPLACED = 'line: a quote stands where none may; a cell with quotes in it is put into quotes, and each of them is doubled';

function reasonOf(error: CsvError): string {
  return error.code.includes('QUOTE') ? MISPLACED : `line: ${error.message}`;
}

function countQuotes(text: string): number {
  let count = 0;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at + 1)) count += 1;
  return count;
}

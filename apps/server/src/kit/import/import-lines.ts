import type { Readable } from 'node:stream';
import { ProblemError } from '../errors.js';
import { CsvRecords } from './csv.js';
import { CsvTable } from './csv-table.js';
import { type ImportFormat, type Importing, type ImportResult, type Line, NOT_UTF8, REPLACED } from './importing.js';
import { textLines, MAX_LINE, TooManyBytes } from './text-lines.js';

const BATCH_ROWS = 1000;
/** A batch of long lines is smaller: it stands in memory several times while it is sent. */
const BATCH_CHARACTERS = 1024 * 1024;
const MOST_REJECTED = 1000;

/** What a file is said to be. */
export interface FileToImport {
  format: ImportFormat;
  maxBytes: number;
}

/**
 * Imports rows from CSV (with a header line) or JSON Lines, streamed: memory stays bounded whatever the size, since the source is not read
 * while two batches wait. Lines that are not valid are reported and the rest kept; of a key named twice the later line counts. What cannot be
 * read any further (the source breaks, the database is away, PAYLOAD_TOO_LARGE beyond `maxBytes`) rejects; batches stored before stay, and
 * the same file may come again.
 */
export async function importLines<Row>(source: Readable, { format, maxBytes }: FileToImport, into: Importing<Row>): Promise<ImportResult> {
  const batches = new Batches(into);
  const lines = textLines(source, maxBytes);
  try {
    for await (const some of format === 'csv' ? csvLines(lines, into) : jsonLines(lines)) {
      for (const line of some) await batches.add(line);
    }
  } catch (error) {
    if (!(error instanceof TooManyBytes)) throw error;
    const { imported, updated } = await batches.end();
    throw new ProblemError(
      'PAYLOAD_TOO_LARGE',
      `the file ${error.message}; ${imported} new and ${updated} changed were kept of what came before`,
    );
  }
  return await batches.end();
}

/** Gathers rows and stores them a batch at a time, while the next one is gathered. */
class Batches<Row> {
  private readonly result: ImportResult = { imported: 0, updated: 0, unchanged: 0, rejected: [], rejectedTotal: 0 };
  private rows = new Map<string, Row>();
  private size = 0;
  private storing: Promise<void> = Promise.resolve();

  constructor(private readonly into: Importing<Row>) {}

  async add(line: Line): Promise<void> {
    const parsed = 'value' in line ? this.into.schema.safeParse(line.value) : undefined;
    if (parsed?.success !== true) {
      const issue = parsed?.error.issues[0];
      this.reject(line.line, 'reason' in line ? line.reason : `${issue?.path.join('.') || 'line'}: ${issue?.message ?? 'is not valid'}`);
      return;
    }
    const key = this.into.keyOf(parsed.data);
    const before = this.rows.get(key);
    // A line that is taken back by a later one of its batch is counted as if it had been stored.
    if (before !== undefined) this.result[JSON.stringify(before) === JSON.stringify(parsed.data) ? 'unchanged' : 'updated'] += 1;
    this.rows.set(key, parsed.data);
    this.size += line.size;
    if (this.rows.size >= BATCH_ROWS || this.size >= BATCH_CHARACTERS) await this.flush();
  }

  /** Resolves when all is stored. */
  async end(): Promise<ImportResult> {
    await this.flush();
    await this.storing;
    return this.result;
  }

  private reject(line: number, reason: string): void {
    this.result.rejectedTotal += 1;
    if (this.result.rejected.length < MOST_REJECTED) this.result.rejected.push({ line, reason });
  }

  private async flush(): Promise<void> {
    await this.storing;
    if (this.rows.size === 0) return;
    this.storing = this.store([...this.rows.values()]);
    // Whoever awaits it next is told; until then nobody listens.
    this.storing.catch(() => undefined);
    this.rows = new Map();
    this.size = 0;
  }

  private async store(rows: Row[]): Promise<void> {
    const taken = await this.into.put(rows);
    this.result.imported += taken.imported;
    this.result.updated += taken.updated;
    this.result.unchanged += taken.unchanged;
  }
}

async function* jsonLines(lines: AsyncIterable<(string | undefined)[]>): AsyncGenerator<Line[]> {
  let line = 0;
  for await (const some of lines) {
    const out: Line[] = [];
    for (const text of some) {
      line += 1;
      if (text === undefined) out.push({ line, size: 0, reason: `line: is longer than ${MAX_LINE} characters` });
      else if (text.trim() !== '') out.push({ line, size: text.length, ...fromJson(text) });
    }
    yield out;
  }
}

function fromJson(text: string): { value: unknown } | { reason: string } {
  if (text.includes(REPLACED)) return { reason: NOT_UTF8 };
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { reason: 'line: is not JSON' };
  }
}

async function* csvLines<Row>(lines: AsyncIterable<(string | undefined)[]>, into: Importing<Row>): AsyncGenerator<Line[]> {
  const records = new CsvRecords();
  const table = new CsvTable(into.columns, into.fromCells);
  for await (const some of lines) yield table.take(records.take(some));
  yield table.take(records.end());
}

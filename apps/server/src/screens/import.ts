import type { Readable } from 'node:stream';
import { type ImportReport, type ImportScreen, importScreen } from '@marquee/contracts';
import { parse } from 'csv-parse';
import type { Screens } from './screens.service.js';

const BATCH = 1000;
const MOST_REJECTED = 1000;
const MAX_LINE = 64 * 1024;

/** A line of the file, or why it cannot be read. */
interface Line {
  line: number;
  value?: unknown;
  reason?: string;
}

/**
 * Imports screens from CSV (with a header line) or JSON Lines, streamed: memory stays bounded whatever the size. Lines that
 * are not valid are reported and the rest kept; of a device named twice the later line counts. Coming again changes nothing.
 */
export async function importScreens(screens: Screens, source: Readable, format: 'csv' | 'ndjson'): Promise<ImportReport> {
  const report: ImportReport = { imported: 0, updated: 0, rejected: [] };
  let batch = new Map<string, ImportScreen>();
  const flush = async (): Promise<void> => {
    if (batch.size === 0) return;
    const entered = await screens.putAll([...batch.values()]);
    report.imported += entered;
    report.updated += batch.size - entered;
    batch = new Map();
  };
  for await (const line of format === 'csv' ? csvLines(source) : jsonLines(source)) {
    const parsed = line.reason === undefined ? importScreen.safeParse(line.value) : undefined;
    if (parsed?.success === true) {
      batch.set(parsed.data.deviceId, parsed.data);
      if (batch.size >= BATCH) await flush();
    } else if (report.rejected.length < MOST_REJECTED) {
      const issue = parsed?.error.issues[0];
      const reason = line.reason ?? `${issue?.path.join('.') || 'line'}: ${issue?.message ?? 'is not valid'}`;
      report.rejected.push({ line: line.line, reason });
    }
  }
  await flush();
  return report;
}

async function* jsonLines(source: Readable): AsyncGenerator<Line> {
  let line = 0;
  for await (const text of textLines(source)) {
    line += 1;
    if (text === undefined) {
      yield { line, reason: `line: is longer than ${MAX_LINE} characters` };
    } else if (text.trim() !== '') {
      try {
        yield { line, value: JSON.parse(text) };
      } catch {
        yield { line, reason: 'line: is not JSON' };
      }
    }
  }
}

/** Lines of UTF-8 text; undefined for one that is too long to be held. */
async function* textLines(source: Readable): AsyncGenerator<string | undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  let tooLong = false;
  for await (const chunk of source) {
    const parts = (rest + decoder.decode(chunk as Buffer, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      yield tooLong || part.length > MAX_LINE ? undefined : part;
      tooLong = false;
    }
    if (rest.length > MAX_LINE) {
      tooLong = true;
      rest = '';
    }
  }
  if (tooLong) yield undefined;
  else if (rest !== '') yield rest;
}

async function* csvLines(source: Readable): AsyncGenerator<Line> {
  const parser = source.pipe(
    parse({
      columns: true,
      bom: true,
      trim: true,
      relax_column_count: true,
      skip_empty_lines: true,
      info: true,
      max_record_size: MAX_LINE,
    }),
  );
  source.once('error', (error) => parser.destroy(error));
  try {
    for await (const record of parser) {
      const { record: cells, info } = record as { record: Record<string, string>; info: { lines: number } };
      yield { line: info.lines, ...fromCells(cells) };
    }
  } catch (error) {
    // What csv-parse cannot make sense of ends the file: an open quote swallows all that follows.
    yield {
      line: parser.info.lines,
      reason: `line: ${error instanceof Error ? error.message : 'cannot be read'}; the rest of the file was not read`,
    };
  }
}

function fromCells(cells: Record<string, string>): { value: unknown } | { reason: string } {
  const { deviceId, groupId, tags, metadata } = cells;
  try {
    return {
      value: {
        deviceId,
        groupId: groupId === undefined || groupId === '' ? null : groupId,
        tags: (tags ?? '')
          .split(/[;|]/)
          .map((tag) => tag.trim())
          .filter((tag) => tag !== ''),
        metadata: metadata === undefined || metadata === '' ? {} : JSON.parse(metadata),
      },
    };
  } catch {
    return { reason: 'metadata: is not JSON' };
  }
}

import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errorCode } from '../../kit/errors.js';
import { makeFolder, writeWhole } from '../../kit/files.js';
import type { ClickMessage } from '../click.js';
import { type LastWords, lastWords } from '../ledger/last-words.js';

const message = z.object({ messageId: z.string(), process: z.int(), seq: z.int(), body: z.string() });
const line = z.union([z.object({ lastWords }), message]);

/** What a process left behind that ended when nothing could take it: a file in DATA_DIR until the next start. */
export interface Remains {
  messages: ClickMessage[];
  /** Undefined in a file that tells of clicks alone: what else the process had to say nobody knows. */
  words: LastWords | undefined;
}

/** Clicks of a process that ended when nothing could take them, and what it had to say to the ledger: a file in DATA_DIR until the next start. */
export class Spill {
  constructor(private readonly folder: string) {}

  /** Writes them, on disk when it has answered; answers the file. */
  async write(process: number, messages: readonly ClickMessage[], words: LastWords): Promise<string> {
    await makeFolder(this.folder);
    const path = join(this.folder, `clicks-${process}.ndjson`);
    const lines = messages.map(({ messageId, seq, body, process: own }) => `${JSON.stringify({ messageId, process: own, seq, body })}\n`);
    await writeWhole(path, `${lines.join('')}${JSON.stringify({ lastWords: words })}\n`, 0o600);
    return path;
  }

  /**
   * Hands out what is there, all files at the same time, and removes a file when what is in it has been taken. Two processes that do it at once take the
   * same twice, which does no harm.
   */
  async takeIn(take: (remains: Remains) => Promise<void>): Promise<void> {
    await Promise.all(
      (await this.files()).map(async (name) => {
        const path = join(this.folder, name);
        await take(remainsIn(await readFile(path, 'utf8')));
        await rm(path, { force: true });
      }),
    );
  }

  private async files(): Promise<string[]> {
    try {
      return (await readdir(this.folder)).filter((name) => name.endsWith('.ndjson'));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    }
  }
}

function remainsIn(text: string): Remains {
  const remains: Remains = { messages: [], words: undefined };
  for (const each of text.split('\n')) {
    if (each === '') continue;
    const read = line.parse(JSON.parse(each));
    if ('lastWords' in read) remains.words = read.lastWords;
    else remains.messages.push(read);
  }
  return remains;
}

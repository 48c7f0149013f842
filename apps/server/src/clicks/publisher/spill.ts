import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errorCode } from '../../kit/errors.js';
import { makeFolder, writeWhole } from '../../kit/files.js';
import type { ClickMessage } from '../click.js';

const message = z.object({ messageId: z.string(), process: z.int(), seq: z.int(), body: z.string() });

/** Clicks of a process that ended when nothing could take them: a file in DATA_DIR until the next start. */
export class Spill {
  constructor(private readonly folder: string) {}

  /** Writes them, on disk when it has answered; answers the file. */
  async write(process: number, messages: readonly ClickMessage[]): Promise<string> {
    await makeFolder(this.folder);
    const path = join(this.folder, `clicks-${process}.ndjson`);
    const lines = messages.map(({ messageId, seq, body, process: own }) => `${JSON.stringify({ messageId, process: own, seq, body })}\n`);
    await writeWhole(path, lines.join(''), 0o600);
    return path;
  }

  /** Hands out what is there, file by file, and removes a file when its clicks have been taken. Two at once take the same twice, which does no harm. */
  async takeIn(take: (messages: ClickMessage[]) => Promise<void>): Promise<number> {
    let taken = 0;
    for (const name of await this.files()) {
      const path = join(this.folder, name);
      const messages = (await readFile(path, 'utf8'))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => message.parse(JSON.parse(line)));
      await take(messages);
      await rm(path, { force: true });
      taken += messages.length;
    }
    return taken;
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

import { readFile } from 'node:fs/promises';
import { writeWhole } from '../../kit/files.js';
import type { Layout } from './layout.js';
import type { ProcessIdentity } from '../../kit/processes/process-identity.js';

/** Which server runs, or ran last: the port is kept for the next one, so that an open pool finds it again. */
export interface RunFile {
  readonly port: number;
  readonly postmaster: ProcessIdentity;
}

/** What was written last; undefined when nothing was, or it cannot be read as such. */
export async function readRunFile(layout: Layout): Promise<RunFile | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(layout.runFile, 'utf8'));
    return isRunFile(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export async function writeRunFile(layout: Layout, run: RunFile): Promise<void> {
  await writeWhole(layout.runFile, `${JSON.stringify(run)}\n`, 0o600);
}

function isRunFile(value: unknown): value is RunFile {
  const run = value as Partial<RunFile> | null;
  return Number.isInteger(run?.port) && Number.isInteger(run?.postmaster?.pid) && typeof run?.postmaster?.started === 'string';
}

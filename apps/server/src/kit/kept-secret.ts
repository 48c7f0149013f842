import { randomBytes } from 'node:crypto';
import { link, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from './errors.js';
import { makeFolder, unfinished } from './files.js';

/**
 * The secret of this name in a folder: 256 random bits as text, made by whoever asks first, with mode 0600, and the same for all who ask ever
 * after. Rejects with what the file system said when it can be neither read nor made.
 */
export async function keptSecret(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  const kept = await readSecret(path);
  if (kept !== undefined) return kept;
  await makeFolder(folder);
  const part = unfinished(path);
  try {
    const file = await open(part, 'wx', 0o600);
    try {
      await file.writeFile(`${randomBytes(32).toString('base64url')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    // A link, and not a rename: of several that make it at once the first one's stays.
    await link(part, path).catch((error: unknown) => {
      if (errorCode(error) !== 'EEXIST') throw error;
    });
  } finally {
    await rm(part, { force: true });
  }
  const made = await readSecret(path);
  if (made === undefined) throw new Error(`${path} was made and is gone`);
  return made;
}

async function readSecret(path: string): Promise<string | undefined> {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    if (text.length < 32) throw new Error(`${path} holds no secret: remove it, and another is made`);
    return text;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { errorCode } from '../../kit/errors.js';
import { writeWhole } from '../../kit/files.js';

/** The password of the application's role, or undefined when its file is not there. */
export async function readPassword(path: string): Promise<string | undefined> {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    return text === '' ? undefined : text;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes a password of 192 random bits and keeps it in a file that only this user can read. Safe in SQL text and in a URL. */
export async function makePassword(path: string): Promise<string> {
  const password = randomBytes(24).toString('base64url');
  await writeWhole(path, `${password}\n`, 0o600);
  return password;
}

import { errorCode, StartError } from '../../kit/errors.js';

const FULL = /No space left on device|Disk quota exceeded|ENOSPC/i;

/** The sentence for a disk without space. */
export function diskFull(folder: string): StartError {
  return new StartError(
    `there is no space left for the database in DATA_DIR (${folder}): free some (a first start takes 100 MB) and start again`,
  );
}

/** True when a server's or a tool's own words say that the disk is full. */
export function saysDiskFull(text: string): boolean {
  return FULL.test(text);
}

/** Turns a file system's error into the sentence for the person at the terminal; anything else stays what it is. */
export function asStartError(error: unknown, dataDir: string): unknown {
  if (error instanceof StartError) return error;
  const code = errorCode(error);
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(dataDir);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new StartError(`DATA_DIR (${dataDir}) cannot be written (${code}): give it to this user, or set DATA_DIR to another folder`);
    case 'ENOTDIR':
    case 'EEXIST':
      return new StartError(
        `DATA_DIR (${dataDir}) is not a folder (${code}): remove the file in its way, or set DATA_DIR to another folder`,
      );
    case 'ENOENT':
    case 'ENAMETOOLONG':
    case 'ELOOP':
      return new StartError(`DATA_DIR (${dataDir}) cannot be made (${code}): set DATA_DIR to another folder`);
    default:
      return error;
  }
}

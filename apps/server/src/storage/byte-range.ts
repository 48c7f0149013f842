import type { ByteRange } from './storage.js';

const ONE_RANGE = /^bytes=(\d*)-(\d*)$/;

/**
 * Which bytes a `Range` header asks for (RFC 9110 §14.1.2). Undefined means the whole: no header, several ranges or a form not
 * understood, all of which a server may ignore. 'unsatisfiable' means a 416.
 */
export function byteRange(header: string | undefined, sizeBytes: number): ByteRange | 'unsatisfiable' | undefined {
  const parts = header === undefined ? null : ONE_RANGE.exec(header.trim());
  if (parts === null) return undefined;
  const [, first = '', last = ''] = parts;
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes);
    return length === 0 ? 'unsatisfiable' : { start: sizeBytes - length, end: sizeBytes - 1 };
  }
  const start = Number(first);
  const end = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= sizeBytes ? 'unsatisfiable' : { start, end };
}

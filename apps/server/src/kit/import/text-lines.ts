import type { Readable } from 'node:stream';

/** The longest line that is held, in characters. */
export const MAX_LINE = 64 * 1024;

/** More came than may come. */
export class TooManyBytes extends Error {
  constructor(readonly maxBytes: number) {
    super(`is larger than ${maxBytes} bytes`);
  }
}

/**
 * Lines of UTF-8 text without their ends, as many at once as a piece of the source holds; undefined for one that is too long to be held.
 * A byte-order mark is left out; bytes that are no UTF-8 become U+FFFD. Throws `TooManyBytes`; what stands before the last line end was
 * given by then. The source is not destroyed when its reader stops: an answer can still go out on its connection.
 */
export async function* textLines(source: Readable, maxBytes: number): AsyncGenerator<(string | undefined)[]> {
  const decoder = new TextDecoder();
  let rest = '';
  let tooLong = false;
  let bytes = 0;
  for await (const chunk of source.iterator({ destroyOnReturn: false })) {
    const piece = chunk as Buffer;
    bytes += piece.length;
    if (bytes > maxBytes) throw new TooManyBytes(maxBytes);
    const lines: (string | undefined)[] = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (tooLong && lines.length > 0) {
      lines[0] = undefined;
      tooLong = false;
    }
    if (rest.length > MAX_LINE) {
      tooLong = true;
      rest = '';
    }
    yield lines.map((line) => (line === undefined || line.length > MAX_LINE ? undefined : withoutReturn(line)));
  }
  rest += decoder.decode();
  if (tooLong || rest.length > MAX_LINE) yield [undefined];
  else if (rest !== '') yield [withoutReturn(rest)];
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

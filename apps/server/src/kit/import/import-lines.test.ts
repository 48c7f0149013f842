import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type FileToImport, importLines } from './import-lines.js';
import { type ImportResult, type Taken, tagsOf } from './importing.js';
import { MAX_LINE } from './text-lines.js';

interface Thing {
  id: string;
  tags: string[];
  others: Record<string, string>;
}

const schema = z.object({
  id: z.string().min(1),
  tags: z.array(z.string()).default([]),
  others: z.record(z.string(), z.string()).default({}),
});

/** A store that says what it was given, and takes a while when it is asked to. */
class Things {
  readonly kept = new Map<string, Thing>();
  batches = 0;

  constructor(private readonly before: () => Promise<void> = () => Promise.resolve()) {}

  async put(rows: Thing[]): Promise<Taken> {
    this.batches += 1;
    await this.before();
    const taken = { imported: 0, updated: 0, unchanged: 0 };
    for (const row of rows) {
      const old = this.kept.get(row.id);
      const what = old === undefined ? 'imported' : JSON.stringify(old) === JSON.stringify(row) ? 'unchanged' : 'updated';
      taken[what] += 1;
      this.kept.set(row.id, row);
    }
    return taken;
  }

  async import(source: Readable | string | Buffer, file: Partial<FileToImport> = {}): Promise<ImportResult> {
    const stream = source instanceof Readable ? source : Readable.from([Buffer.from(source)]);
    return await importLines<Thing>(
      stream,
      { format: 'csv', maxBytes: 1e9, ...file },
      {
        schema,
        keyOf: (thing) => thing.id,
        columns: ['id', 'tags'],
        fromCells: ({ id, tags }, others) => ({ value: { id, tags: tagsOf(tags), others } }),
        put: (rows) => this.put(rows),
      },
    );
  }
}

const ids = (things: Things): string[] => [...things.kept.keys()];

describe('a CSV file', () => {
  test('may have a byte-order mark, any line ends, columns in any order and case, quotes with commas and line ends in them', async () => {
    const things = new Things();
    const csv = '\uFEFFTags,city,ID,\r\na;b | c,"Sankt ""Pölten"", NÖ",one,\r\n\r\n,"two\r\nlines",two,\r\n"x",,three';
    expect(await things.import(csv)).toEqual({ imported: 3, updated: 0, unchanged: 0, rejected: [], rejectedTotal: 0 });
    expect([...things.kept.values()]).toEqual([
      { id: 'one', tags: ['a', 'b', 'c'], others: { city: 'Sankt "Pölten", NÖ' } },
      { id: 'two', tags: [], others: { city: 'two\nlines' } },
      { id: 'three', tags: ['x'], others: {} },
    ]);
  });

  test.each<[string, string, [number, string][], string[]]>([
    ['is opened and never closed', 'id\na\n"b\nc\n\nd', [[3, 'a quote is opened']], ['a', 'c', 'd']],
    ['meets the quotes of a later line', 'id,n\na,1\nb,"2\nc,3\nd,"4"\ne,5', [[3, 'a quote is opened']], ['a', 'c', 'd', 'e']],
    [
      'meets the next broken one',
      'id,n\na,"2\nb,3\nc,4"x\nd,"5"',
      [
        [2, 'quote'],
        [4, 'quote'],
      ],
      ['b', 'd'],
    ],
    ['closes too soon', 'id,n\na,"x"y\nb,2\n"c",3', [[2, 'a quote stands where none may']], ['b', 'c']],
    [
      'stands in the midst of a cell',
      'id,n\na,5" wide\nb,2\nc,7" wide',
      [
        [2, 'quote'],
        [4, 'quote'],
      ],
      ['b'],
    ],
  ])('with a quote that %s loses that line alone', async (_, csv, rejected, kept) => {
    const things = new Things();
    const result = await things.import(csv);
    expect(result.rejected).toEqual(rejected.map(([line, reason]) => ({ line, reason: expect.stringContaining(reason) })));
    expect(ids(things).sort()).toEqual(kept);
  });

  test('with an open quote before a hundred thousand lines loses that line alone', async () => {
    const things = new Things();
    const lines = Array.from({ length: 100_000 }, (_each, index) => `c${index},${index}`);
    lines[5] = 'c5,"5';
    const result = await things.import(`id,n\n${lines.join('\n')}\n`);
    expect(result).toMatchObject({ imported: 99_999, rejected: [{ line: 7 }], rejectedTotal: 1 });
  });

  test.each([
    ['nothing', '', []],
    ['a header alone', 'id,tags\n', []],
    ['no header that has the id', 'name;id\nx;y\nz;1', [{ line: 1, reason: 'header: has no column id; the file was not read' }]],
    ['a column twice', '\nid,a,a\nx,1,2', [{ line: 2, reason: 'header: names the column a twice; the file was not read' }]],
    ['a column twice in other letters', 'id,ID\nx,y', [{ line: 1, reason: 'header: names the column id twice; the file was not read' }]],
    [
      'a header in another charset',
      Buffer.from('id,stra\xdfe\nx,y', 'latin1'),
      [{ line: 1, reason: 'header: is not valid UTF-8; the file was not read' }],
    ],
    [
      'a header with an open quote',
      'id,"a\nx,y\n',
      [{ line: 1, reason: 'header: a quote is opened and not closed; the file was not read' }],
    ],
  ])('of %s is read as far as it goes', async (_, csv, rejected) => {
    const things = new Things();
    expect(await things.import(csv)).toMatchObject({ imported: 0, rejected, rejectedTotal: rejected.length });
    expect(things.batches).toBe(0);
  });

  test('keeps what is right among cells too many, broken UTF-8, lines too long and missing ids', async () => {
    const things = new Things();
    const lines = ['id,tags,city', 'a,x', 'b,x,y,z', 'c,x,y,,', `d,,${'x'.repeat(MAX_LINE)}`, ',x,y', 'f,,B\u00fcr', 'g,,y'];
    const csv = Buffer.concat(lines.map((line, index) => Buffer.from(`${line}\n`, index === 6 ? 'latin1' : 'utf8')));
    const result = await things.import(csv);
    expect(result.rejected).toEqual([
      { line: 3, reason: 'line: has 4 cells, and the header 3' },
      { line: 5, reason: `line: is longer than ${MAX_LINE} characters` },
      { line: 6, reason: expect.stringMatching(/^id: /) },
      { line: 7, reason: 'line: is not valid UTF-8' },
    ]);
    expect(ids(things)).toEqual(['a', 'c', 'g']);
  });

  test('comes in pieces that part characters, quotes and line ends', async () => {
    const csv = Buffer.from('id,city\r\nä,"x\r\n""y"""\r\nö,\u20ac\r\n');
    const whole = new Things();
    await whole.import(csv);
    expect([...whole.kept.values()].map(({ others }) => others)).toEqual([{ city: 'x\n"y"' }, { city: '\u20ac' }]);
    const pieces = new Things();
    await pieces.import(Readable.from([...csv].map((byte) => Buffer.from([byte]))));
    expect(pieces.kept).toEqual(whole.kept);
  });
});

describe('JSON Lines', () => {
  test('are each right or wrong by themselves', async () => {
    const things = new Things();
    const lines = ['{"id":"a"}', '', 'x', '[]', '{"id":5}', '{"id":"b"', `{"id":"${'c'.repeat(MAX_LINE)}"}`, '{"id":"d"}'];
    const broken = Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xff]), Buffer.from('"}\n')]);
    const result = await things.import(Buffer.concat([broken, Buffer.from(lines.join('\r\n'))]), { format: 'ndjson' });
    expect(result.rejected.map(({ line }) => line)).toEqual([1, 4, 5, 6, 7, 8]);
    expect(result.rejected[0]?.reason).toBe('line: is not valid UTF-8');
    expect(ids(things)).toEqual(['a', 'd']);
  });
});

const numbered = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_each, index) => `{"id":"${from + index}"}\n`).join('');

test('an id that is named twice is as its later line says, near or far, and each of its lines is counted', async () => {
  const things = new Things();
  const line = (id: string, tag: string): string => `{"id":"${id}","tags":["${tag}"]}\n`;
  const near = line('x', '1') + line('x', '2') + line('x', '2');
  const result = await things.import(near + numbered(0, 5000) + line('x', '3'), { format: 'ndjson' });
  expect(result).toMatchObject({ imported: 5001, updated: 2, unchanged: 1, rejectedTotal: 0 });
  expect(things.kept.get('x')?.tags).toEqual(['3']);
  expect((await things.import(numbered(0, 5000), { format: 'ndjson' })).unchanged).toBe(5000);
});

test('of rejected lines the first thousand are listed and all are counted', async () => {
  const things = new Things();
  const result = await things.import(`${'no\n'.repeat(2500)}{"id":"last"}\n`, { format: 'ndjson' });
  expect(result).toMatchObject({ imported: 1, rejectedTotal: 2500 });
  expect(result.rejected).toHaveLength(1000);
  expect(result.rejected.at(-1)?.line).toBe(1000);
});

test('the source is not read while two batches wait', async () => {
  let made = 0;
  let most = 0;
  const things = new Things(async () => {
    // The source would run on here if it could: it is asked again at every turn of the loop.
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    most = Math.max(most, made - things.kept.size);
  });
  const source = Readable.from(
    (function* () {
      for (; made < 100_000; made += 100) yield Buffer.from(numbered(made, made + 100));
    })(),
    { objectMode: true, highWaterMark: 1 },
  );
  expect(await things.import(source, { format: 'ndjson' })).toMatchObject({ imported: 100_000 });
  expect(most).toBeLessThanOrEqual(2500);
});

test('a batch of long lines is smaller', async () => {
  const things = new Things();
  const line = (id: number): string => `${JSON.stringify({ id: String(id), others: { text: 'x'.repeat(60_000) } })}\n`;
  const source = Readable.from(Array.from({ length: 200 }, (_each, index) => Buffer.from(line(index))));
  expect(await things.import(source, { format: 'ndjson' })).toMatchObject({ imported: 200 });
  expect(things.batches).toBeGreaterThan(10);
});

test('beyond its size it is refused, and what came whole before is kept', async () => {
  const things = new Things();
  const source = Readable.from([Buffer.from('{"id":"a"}\n{"id":"b"}\n{"id":"c'), Buffer.from('"}\n{"id":"d"}\n')]);
  await expect(things.import(source, { format: 'ndjson', maxBytes: 40 })).rejects.toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
    message: 'the file is larger than 40 bytes; 2 new and 0 changed were kept of what came before',
  });
  expect(ids(things)).toEqual(['a', 'b']);
});

test('what cannot be stored, or breaks off, rejects; no half line is taken', async () => {
  const failing = new Things(() => Promise.reject(new Error('away')));
  await expect(failing.import(numbered(0, 10_000), { format: 'ndjson' })).rejects.toThrow('away');
  const things = new Things();
  const source = Readable.from(
    (function* () {
      yield Buffer.from(`${numbered(0, 1000)}{"id":"a"}\n{"id":"b"}`);
      throw new Error('broken off');
    })(),
  );
  await expect(things.import(source, { format: 'ndjson' })).rejects.toThrow('broken off');
  expect(things.kept.has('b')).toBe(false);
});

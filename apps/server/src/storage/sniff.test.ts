import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byteRange } from './byte-range.js';
import { servingHeaders } from './serving-headers.js';
import { SNIFF_BYTES, sniff } from './sniff.js';

const head = (text: string) => Buffer.from(text, 'latin1');
const box = (brand: string) => head(`\0\0\0\x18ftyp${brand}\0\0\0\0mp42isom`);
const ebml = (doctype: string) =>
  head(`\x1aE\xdf\xa3${String.fromCharCode(0x83 + doctype.length)}\x42\x82${String.fromCharCode(0x80 + doctype.length)}${doctype}`);

describe('what bytes are', () => {
  test.each<[string, Buffer, string, string]>([
    [
      'PNG',
      Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64'),
      'image/png',
      'image',
    ],
    ['JPEG', head('\xff\xd8\xff\xe0\0\x10JFIF\0'), 'image/jpeg', 'image'],
    ['GIF', head('GIF89a\x01\0\x01\0'), 'image/gif', 'image'],
    ['WebP', head('RIFF\x10\0\0\0WEBPVP8 '), 'image/webp', 'image'],
    ['AVIF', box('avif'), 'image/avif', 'image'],
    ['MP4', box('isom'), 'video/mp4', 'video'],
    ['QuickTime', box('qt  '), 'video/quicktime', 'video'],
    ['WebM', ebml('webm'), 'video/webm', 'video'],
    ['a page', head('<!DOCTYPE html><p>'), 'text/html', 'html'],
    ['a page after a mark and white space', head('\xef\xbb\xbf\r\n\t <!doctype HTML>'), 'text/html', 'html'],
    ['a page after comments', head('<!-- a > b --><!--\n--> <html lang=en>'), 'text/html', 'html'],
    ['XHTML', head('<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x">'), 'text/html', 'html'],
    ['a page without its head', head('<div class=x>'), 'text/html', 'html'],
    ['a page in Latin-1', head('<!doctype html><p>\xe9'), 'text/html', 'html'],
    ['SVG', head('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'image/svg+xml', 'image'],
    [
      'SVG with all that may precede it',
      head('<?xml version="1.0"?><!-- x --><!DOCTYPE svg PUBLIC "a" "b" [<!ENTITY a "b">]>\n<!-- y --><svg>'),
      'image/svg+xml',
      'image',
    ],
  ])('%s', async (_, bytes, type, assetType) => {
    expect(await sniff(bytes)).toEqual({ type, assetType });
  });

  test.each<[string, Buffer]>([
    ['nothing', head('')],
    ['plain text', head('hello <b>world</b>')],
    ['text that speaks of HTML', head('see <!doctype html>')],
    ['a script', head('alert(1)')],
    ['JSON', head('{"a":"<html>"}')],
    ['bare XML', head('<?xml version="1.0"?><rss/>')],
    ['an element that only begins like one', head('<divine>')],
    ['another doctype', head('<!doctype html5x>')],
    ['SVG of another doctype', head('<!doctype math><svg>')],
    ['a page with a NUL in it', head('<!doctype html>\0')],
    ['a page in UTF-16', Buffer.from('\ufeff<!doctype html>', 'utf16le')],
    ['PDF', head('%PDF-1.7')],
    ['ZIP', head('PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0')],
    ['a program', head('\x7fELF\x02\x01\x01')],
    ['gzip', head('\x1f\x8b\x08\0\0\0\0\0\0\x03')],
    ['MP3', head('ID3\x04\0\0\0\0\0\0\xff\xfb\x90\0')],
    ['HEIC, which browsers do not draw', box('heic')],
    ['TIFF, which browsers do not draw', head('II*\0\x08\0\0\0')],
    ['sound in a video box', box('M4A ')],
  ])('%s is nothing a screen can show', async (_, bytes) => {
    expect(await sniff(bytes)).toBeUndefined();
  });

  test('no bytes make it throw or take long', async () => {
    const prefix = fc.constantFrom(
      '',
      '<?xml',
      '<!--',
      '<!doctype svg [',
      'RIFF',
      '\x1aE\xdf\xa3',
      '\0\0\0\x18ftyp',
      'PK\x03\x04',
      '\x1f\x8b\x08',
      'OggS',
      'II*\0',
    );
    const anything = fc.tuple(prefix, fc.uint8Array({ maxLength: SNIFF_BYTES }));
    await fc.assert(
      fc.asyncProperty(anything, async ([start, bytes]) => {
        const found = await sniff(Buffer.concat([head(start), bytes]).subarray(0, SNIFF_BYTES));
        expect([undefined, 'image', 'video', 'html']).toContain(found?.assetType);
      }),
      { numRuns: 300 },
    );
    // The time that this process was given, not what passed meanwhile.
    const began = process.cpuUsage();
    for (const piece of ['<!--', '<?', '<!doctype svg [', '] ', '<!doctype svg "', ' ', '<!---->'])
      await sniff(head(piece.repeat(2000).slice(0, SNIFF_BYTES)));
    expect(process.cpuUsage(began).user / 1000).toBeLessThan(500);
  });
});

test('bytes that could run script on this origin are served into a sandbox', () => {
  expect(servingHeaders('text/html; charset=utf-8')['content-security-policy']).toBe('sandbox allow-scripts');
  expect(servingHeaders('image/svg+xml')['content-security-policy']).toMatch(/^sandbox; default-src 'none'/);
  expect(servingHeaders('image/png')).toEqual({ 'content-type': 'image/png', 'x-content-type-options': 'nosniff' });
});

describe('a Range header', () => {
  test.each<[string | undefined, unknown]>([
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=10-', { start: 10, end: 99 }],
    ['bytes=10-500', { start: 10, end: 99 }],
    ['bytes=-5', { start: 95, end: 99 }],
    ['bytes=-500', { start: 0, end: 99 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    [`bytes=${'9'.repeat(400)}-`, 'unsatisfiable'],
    [undefined, undefined],
    ['', undefined],
    ['bytes=-', undefined],
    ['bytes=5-4', undefined],
    ['bytes=0-1,3-4', undefined],
    ['items=0-1', undefined],
    ['bytes=a-b', undefined],
  ])('%s of 100 bytes', (header, expected) => {
    expect(byteRange(header, 100)).toEqual(expected);
  });

  test('of nothing is never satisfiable', () => {
    expect(byteRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(byteRange('bytes=-1', 0)).toBe('unsatisfiable');
  });
});

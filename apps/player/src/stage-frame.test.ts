import { expect, it } from 'vitest';
import { guarded } from './stage-frame.js';

const EVIL = '<script>new WebSocket("wss://broker.example")</script>';

/** What stands before the guard. */
function before(html: string): string {
  const [start = ''] = guarded(html).split('<meta http-equiv="Content-Security-Policy"');
  expect(guarded(html).length).toBeGreaterThan(html.length);
  return start;
}

it.each(['<!doctype html>', '\n <!DOCTYPE html>', '<!-- made here --><!doctype html>', '<!-- - -- > --> <!doctype html>'])(
  'the guard follows the doctype: %j',
  (start) => {
    expect(before(`${start}<html>${EVIL}`)).toBe(start);
  },
);

it.each([
  ['a page without a doctype', ''],
  ['a comment that is over at once', '<!-->'],
  ['another one', '<!--->'],
  ['a comment with the other end', '<!-- --!>'],
  ['white space that begins the body', '\u00a0'],
  ['a byte order mark that nobody took off', '\ufeff'],
])('nothing stands before the guard that could act or begin the body: %s', (_, start) => {
  expect(before(`${start}${EVIL}<!-- --><!doctype html>`)).toBe('');
});

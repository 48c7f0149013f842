import { describe, expect, it } from 'vitest';
import { ownTarget } from './screenshot.js';

describe('where a picture of the screen may go', () => {
  const page = 'https://signs.example/player/?deviceId=d';

  it('is the server of its page', () => {
    expect(ownTarget('/screens/d/screenshot?token=t', page)?.href).toBe('https://signs.example/screens/d/screenshot?token=t');
    expect(ownTarget('https://signs.example/screens/d/screenshot?token=t', page)?.pathname).toBe('/screens/d/screenshot');
  });

  it.each([
    'https://elsewhere.example/x',
    '//elsewhere.example/x',
    'http://signs.example/x',
    'https://signs.example:8443/x',
    'https://signs.example@elsewhere.example/x',
    '\\\\elsewhere.example\\x',
    'data:text/plain,x',
    'javascript:alert(1)',
    'blob:https://signs.example/0b6e',
    'http://',
  ])('is not %s', (url) => {
    expect(ownTarget(url, page)).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { ownTarget } from './screenshot.js';

describe('where a picture of the screen may go', () => {
  const page = 'https://signs.example/player/?deviceId=d';

  it.each([
    '/screens/d/screenshot?token=t',
    'https://signs.example/screens/d/screenshot?token=t',
    // The same server by another name, or another server: the page cannot tell, and asks its own.
    'http://127.0.0.1:3000/screens/d/screenshot?token=t',
    '//elsewhere.example/screens/d/screenshot?token=t#x',
    'https://signs.example@elsewhere.example/screens/d/screenshot?token=t',
    '\\\\elsewhere.example\\screens/d/screenshot?token=t',
  ])('is the server of its page: %s', (url) => {
    expect(ownTarget(url, page)?.href).toBe('https://signs.example/screens/d/screenshot?token=t');
  });

  it.each(['https://elsewhere.example//elsewhere.example/x', '////elsewhere.example/x', '/../../x'])('is no other for %s', (url) => {
    expect(ownTarget(url, page)?.origin).toBe('https://signs.example');
  });

  it.each(['data:text/plain,x', 'javascript:alert(1)', 'blob:https://signs.example/0b6e', 'http://'])('is none for %s', (url) => {
    expect(ownTarget(url, page)).toBeUndefined();
  });
});

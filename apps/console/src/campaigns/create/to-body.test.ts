import { createCampaign } from '@marquee/contracts';
import { describe, expect, it } from 'vitest';
import { type Draft, emptyDraft, emptySlide, toLocalInput } from './draft.js';
import { placeMessages } from './field-errors.js';
import { newUuid } from './new-uuid.js';
import { toBody } from './to-body.js';

const KEY = newUuid();

function draft(part: Partial<Draft> = {}): Draft {
  const slide = { ...emptySlide(), source: 'url' as const, url: ' https://cdn.example.test/a.png ' };
  return { ...emptyDraft(Date.now()), name: 'A', slides: [slide], ...part };
}

describe('the body of a draft', () => {
  it('is one that the contract takes, and says what was typed', () => {
    const result = toBody(
      draft({
        audience: 'tags',
        tagsAny: ['4k'],
        tagsNone: ['test'],
        priority: '',
        text: ' Hello ',
        hasWindow: true,
        window: { days: ['5', '1'], from: '08:00', to: '20:00', timeZone: 'Europe/Berlin' },
      }),
      KEY,
    );
    if (!('body' in result)) throw new Error(JSON.stringify(result.errors));
    expect(createCampaign.safeParse(result.body).success).toBe(true);
    expect(result.body).toMatchObject({
      audience: { tags: { any: ['4k'], none: ['test'] } },
      priority: 0,
      metadata: { text: 'Hello' },
      window: { days: [1, 5], timeZone: 'Europe/Berlin' },
      assets: [{ url: 'https://cdn.example.test/a.png', durationMs: 10_000 }],
      idempotencyKey: KEY,
    });
  });

  it('leaves out the length of a video that plays to its end', () => {
    const result = toBody(
      draft({ slides: [{ ...emptySlide(), url: 'https://a.example.test/v.mp4', assetType: 'video', seconds: '' }] }),
      KEY,
    );
    expect('body' in result && result.body.assets[0]).toEqual({ assetType: 'video', url: 'https://a.example.test/v.mp4' });
  });

  const now = Date.now();
  it.each<[string, Partial<Draft>, string]>([
    ['a blank name', { name: '  ' }, 'name'],
    ['a start that is not complete', { startAt: '' }, 'startAt'],
    ['an end before the start', { startAt: toLocalInput(now + 7_200_000), expireAt: toLocalInput(now + 3_600_000) }, 'expireAt'],
    ['an end that is past', { startAt: toLocalInput(now - 7_200_000), expireAt: toLocalInput(now - 3_600_000) }, 'expireAt'],
    ['a script for an address', { slides: [{ ...emptySlide(), url: 'javascript:alert(1)' }] }, 'slides.0.url'],
    ['a slide of no time', { slides: [{ ...emptySlide(), url: 'https://a.example.test/a.png', seconds: 0 }] }, 'slides.0.seconds'],
    ['no groups', { audience: 'groups' }, 'groups'],
    ['no tags', { audience: 'tags' }, 'tagsAny'],
    ['a device id with a slash', { audience: 'ids', ids: 'a b/c' }, 'ids'],
    ['a priority out of range', { priority: 11 }, 'priority'],
    ['a window without days', { hasWindow: true, window: { days: [], from: '08:00', to: '20:00', timeZone: 'UTC' } }, 'window.days'],
    ['a window without its end', { hasWindow: true, window: { days: ['1'], from: '08:00', to: '', timeZone: 'UTC' } }, 'window.to'],
  ])('is refused for %s, at its field', (_what, part, field) => {
    const result = toBody(draft(part), KEY);
    if ('body' in result) throw new Error('a body was made');
    expect(Object.keys(result.errors.fields)).toContain(field);
    expect(result.errors.rest).toEqual([]);
  });
});

describe('messages of the server', () => {
  it('find their fields, also with brackets, and what fits none is kept', () => {
    const placed = placeMessages(
      ['assets[2].durationMs: must be more', 'audience.tags.all: is wrong: really', 'epoch: no', 'Just words'],
      'tags',
    );
    expect(placed.fields).toEqual({ 'slides.2.seconds': 'Must be more.', tagsAll: 'Is wrong: really.' });
    expect(placed.rest).toEqual(['epoch: no', 'Just words']);
  });
});

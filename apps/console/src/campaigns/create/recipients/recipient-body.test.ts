import { createCampaign } from '@marquee/contracts';
import { describe, expect, it } from 'vitest';
import { newUuid } from '../new-uuid.js';
import { placeRecipientErrors, toRecipientBody } from './recipient-body.js';
import { emptyRecipientDraft, type RecipientChannel, type RecipientDraft } from './recipient-draft.js';

const KEY = newUuid();

function read(channel: RecipientChannel, part: Partial<RecipientDraft> = {}) {
  return toRecipientBody({ ...emptyRecipientDraft(channel), name: 'A', url: 'https://example.test/hook', ...part }, channel, KEY);
}

describe('the body of a campaign for recipients', () => {
  it('of a webhook is one that the contract takes, and says what was typed', () => {
    const result = read('webhook', {
      audience: 'ids',
      ids: 'anna b\nben, carl\n\nben',
      url: ' https://example.test/hook ',
      secret: 's',
      headers: 'X-Shop: north: 1\n\nx-two:  2 ',
      data: '{"offer": {"id": 1}}',
      perSecond: 500,
      onUnknown: 'retry',
      dispatch: 'auto',
    });
    if (!('body' in result)) throw new Error(JSON.stringify(result.errors));
    expect(createCampaign.safeParse(result.body).success).toBe(true);
    expect(result.body).toMatchObject({
      channel: 'webhook',
      audience: { ids: ['anna b', 'ben', 'carl'] },
      content: {
        url: 'https://example.test/hook',
        secret: 's',
        headers: { 'X-Shop': 'north: 1', 'x-two': '2' },
        data: { offer: { id: 1 } },
      },
      rate: { perSecond: 500 },
      onUnknown: 'retry',
      dispatch: 'auto',
      idempotencyKey: KEY,
    });
  });

  it('of a rehearsal leaves out what was left empty', () => {
    const result = read('null', { count: 1_000_000, latencyMs: '', failurePercent: 0.5, priority: '' });
    if (!('body' in result)) throw new Error(JSON.stringify(result.errors));
    expect(result.body).toEqual({
      name: 'A',
      metadata: {},
      channel: 'null',
      audience: { count: 1_000_000 },
      content: { latencyMs: 0, failureRate: 0.005 },
      onUnknown: 'hold',
      priority: 0,
      dispatch: 'manual',
      idempotencyKey: KEY,
    });
  });

  it('that recurs has a schedule, and no other word on its dispatch', () => {
    const schedule = { cron: ' */5 * * * * ', timeZone: 'Europe/Berlin', overlap: 'queue' as const, catchUp: 'none' as const };
    const result = read('null', { dispatch: 'recurring', schedule });
    if (!('body' in result)) throw new Error(JSON.stringify(result.errors));
    expect(result.body).toMatchObject({ schedule: { ...schedule, cron: '*/5 * * * *' }, dispatch: 'auto' });
    const wrong = read('null', { dispatch: 'recurring', schedule: { ...schedule, cron: 'every day' } });
    expect('errors' in wrong && Object.keys(wrong.errors.fields)).toEqual(['schedule.cron']);
  });

  it.each<[string, RecipientChannel, Partial<RecipientDraft>, string]>([
    ['a blank name', 'null', { name: ' ' }, 'name'],
    ['no number', 'null', { count: '' }, 'count'],
    ['too many', 'null', { count: 10_000_001 }, 'count'],
    ['a latency of an hour', 'null', { latencyMs: 3_600_000 }, 'latencyMs'],
    ['more than all failing', 'null', { failurePercent: 101 }, 'failurePercent'],
    ['a rate of nothing', 'null', { perSecond: 0 }, 'perSecond'],
    ['a priority out of range', 'null', { priority: 11 }, 'priority'],
    ['an end that is past', 'null', { expireAt: '2020-01-01T00:00' }, 'expireAt'],
    ['no tags', 'webhook', { audience: 'tags' }, 'tagsAny'],
    ['no ids', 'webhook', { audience: 'ids', ids: ' ,\n' }, 'ids'],
    ['no address', 'webhook', { url: ' ' }, 'url'],
    ['a script for an address', 'webhook', { url: 'javascript:alert(1)' }, 'url'],
    ['a header without a value', 'webhook', { headers: 'X-Shop' }, 'headers'],
    ['a header that is set for everybody', 'webhook', { headers: 'Idempotency-Key: 1' }, 'headers'],
    ['data that is no JSON', 'webhook', { data: '{offer}' }, 'data'],
    ['data that is no object', 'webhook', { data: '[1]' }, 'data'],
  ])('is refused for %s, at its field', (_what, channel, part, field) => {
    const result = read(channel, part);
    if ('body' in result) throw new Error('a body was made');
    expect(Object.keys(result.errors.fields)).toEqual([field]);
    expect(result.errors.rest).toEqual([]);
  });

  it('finds the fields of what the server says', () => {
    const placed = placeRecipientErrors(
      [
        { path: 'content.headers.X-A', reason: 'is odd' },
        { path: 'audience', reason: 'names nobody' },
        { path: 'limits', reason: 'no' },
      ],
      'tags',
    );
    expect(placed).toEqual({ fields: { headers: 'Is odd.', tagsAny: 'Names nobody.' }, rest: ['limits: no'] });
  });
});

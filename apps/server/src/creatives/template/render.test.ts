import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { STAGE_SCRIPT } from './page-runtime.js';
import { renderTemplate, type TemplateInput } from './render.js';

const input = (more: Partial<TemplateInput> = {}): TemplateInput => ({
  campaignId: '0190c0de-0000-7000-8000-000000000001',
  version: 3,
  name: 'Spring',
  metadata: {},
  slides: [
    { assetId: 'a1', assetType: 'image', url: 'https://cdn.example/a.png', durationMs: 4000 },
    { assetId: 'a2', assetType: 'video', url: 'https://cdn.example/b.mp4?x=1', fallbackUrl: '/assets/ff', durationMs: null },
  ],
  ...more,
});
const withMetadata = (metadata: Record<string, unknown>) => renderTemplate(input({ metadata }));
const sha256 = (text: string, form: 'hex' | 'base64') => createHash('sha256').update(text).digest(form);

describe('a built page', () => {
  test('names its campaign, version and every asset by the URL the planner wrote', () => {
    const { html } = renderTemplate(input());
    expect(html).toContain('data-campaign="0190c0de-0000-7000-8000-000000000001" data-version="3"');
    expect(html).toContain('data-src="https://cdn.example/a.png"');
    expect(html).toContain('https://cdn.example/b.mp4?x=1');
    expect(html).toContain('data-fallback="/assets/ff"');
  });

  test('is the same for the same input, and its digest is that of its bytes', () => {
    const first = renderTemplate(input({ name: 'Frühling 春' }));
    expect(renderTemplate(input({ name: 'Frühling 春' }))).toEqual(first);
    expect(first.sha256).toBe(sha256(first.html, 'hex'));
    expect(renderTemplate(input({ version: 4 })).sha256).not.toBe(first.sha256);
  });

  test('allows by hash exactly the script and the style that are in it, and nothing else', () => {
    const { html } = renderTemplate(input());
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? '';
    const parts = new Map(policy.split('; ').map((part) => [part.split(' ')[0], part.split(' ').slice(1).join(' ')]));
    const inside = (tag: string) => [...html.matchAll(new RegExp(`<${tag}>([^]*?)</${tag}>`, 'g'))].map((match) => match[1] ?? '');
    expect(inside('script')).toHaveLength(1);
    expect(parts.get('script-src')).toBe(`'sha256-${sha256(inside('script')[0] ?? '', 'base64')}'`);
    expect(parts.get('style-src')).toBe(`'sha256-${sha256(inside('style')[0] ?? '', 'base64')}'`);
    expect(parts.get('default-src')).toBe("'none'");
    expect(parts.get('connect-src')).toBe("'none'");
    expect(policy).not.toContain('unsafe');
  });

  test('has its policy ahead of everything a planner wrote', () => {
    const { html } = renderTemplate(
      input({ name: 'needle', slides: [{ assetId: 'p', assetType: 'html', url: 'https://needle/', durationMs: null }] }),
    );
    expect(html.indexOf('Content-Security-Policy')).toBeGreaterThan(0);
    expect(html.indexOf('needle')).toBeGreaterThan(html.indexOf('Content-Security-Policy'));
  });

  test('carries a runtime of less than 8 kB', () => {
    expect(Buffer.byteLength(STAGE_SCRIPT)).toBeLessThan(8 * 1024);
  });

  test('gives pictures without a duration the default, and leaves videos to end by themselves', () => {
    const slides = (['image', 'html', 'video'] as const).map((assetType) => ({
      assetId: assetType,
      assetType,
      url: 'https://x/',
      durationMs: null,
    }));
    const { html } = renderTemplate(input({ slides }));
    expect([...html.matchAll(/data-duration="(\d+)"/g)].map((match) => match[1])).toEqual(['10000', '10000', '0']);
  });

  test('escapes what could end a tag, an attribute or the page, wherever it stands', () => {
    const evil = `<script>"'\`&</title><!--\u0000`;
    const slides = [{ assetId: evil, assetType: 'image' as const, url: `https://x/?${evil}`, fallbackUrl: evil, durationMs: 1 }];
    const { html } = renderTemplate(input({ name: evil, campaignId: evil, metadata: { text: evil }, slides }));
    expect(html.match(/<script>/g)).toHaveLength(1);
    expect(html).not.toContain('\u0000');
    expect(html.split('&lt;script&gt;&quot;&#39;&#96;&amp;&lt;/title&gt;&lt;!--')).toHaveLength(7);
  });
});

describe('metadata', () => {
  test('sets fit, transition and background where they are valid', () => {
    const { html, warnings } = withMetadata({ fit: 'cover', transition: 'fade', background: ' RGB(1, 2, 3) ' });
    expect(html).toContain('data-fit="cover" data-transition="fade" data-background="rgb(1, 2, 3)"');
    expect(warnings).toEqual([]);
  });

  test.each([
    ['fit', 'stretch'],
    ['fit', 7],
    ['transition', ['fade']],
    ['background', 'url(https://x)'],
    ['background', 'red;color:blue'],
    ['background', 'expression(1)'],
    ['background', 'var(--x)'],
    ['background', 'rgb(1,2)'],
    ['background', '#12345'],
    ['background', 'blak'],
    ['background', {}],
    ['text', { a: 1 }],
    ['text', ['a', 1]],
    ['text', Array.from({ length: 11 }, () => 'a')],
  ])('ignores %s: %j with a warning that names it', (key, value) => {
    const { html, warnings } = withMetadata({ [key]: value });
    expect(warnings).toEqual([expect.stringMatching(new RegExp(`^metadata\\.${key} must be .*: ignored$`))]);
    expect(html).toBe(withMetadata({}).html);
  });

  test.each([
    'red',
    '#fff',
    '#FFFA',
    '#a1b2c3',
    '#a1b2c3d4',
    'rgb(0,0,0)',
    'rgba(0, 0, 0, .5)',
    'rgb(0 0 0 / 50%)',
    'hsl(120deg 50% 50%)',
    'hsl(120, 50%, 50%)',
    'transparent',
  ])('takes %s as a background', (background) => {
    expect(withMetadata({ background }).warnings).toEqual([]);
  });

  const lines = (metadata: Record<string, unknown>) =>
    [...withMetadata(metadata).html.matchAll(/<p dir="auto">([^]*?)<\/p>/g)].map((match) => match[1]);

  test('text is drawn with its placeholders filled in', () => {
    const metadata = { text: ['{{metadata.price}} €, {{ metadata.shop.town }}{{metadata.none}}', '{{metadata.list.1}} {{metadata.open}}'] };
    expect(lines({ ...metadata, price: 9.5, shop: { town: 'Łódź' }, list: ['a', 'b'], open: false })).toEqual(['9.5 €, Łódź', 'b false']);
  });

  test('placeholders reach what the planner wrote and nothing else', () => {
    const inherited = ['constructor', 'constructor.name', '__proto__', 'toString', 'text.at', 'text.x.y', 'nested'];
    const text = `[${inherited.map((path) => `{{metadata.${path}}}`).join('')}]`;
    expect(lines({ text, nested: { a: 1 } })).toEqual(['[]']);
    expect(lines({ text: '{{metadata.a}}', a: '{{metadata.b}}', b: 'no' })).toEqual(['{{metadata.b}}']);
    expect(lines({ text: '{{other.a}} {{metadata}} {{metadata.}}' })).toEqual(['{{other.a}} {{metadata}} {{metadata.}}']);
    expect(lines(JSON.parse('{"text":"{{metadata.__proto__.a}}","__proto__":{"a":"own"}}') as Record<string, unknown>)).toEqual(['own']);
  });

  test('lines that came out blank are not drawn, and over-long ones are cut between characters', () => {
    expect(lines({ text: ['{{metadata.none}}', ' '] })).toEqual([]);
    expect(lines({ text: '😀'.repeat(600) })).toEqual([`${'😀'.repeat(499)}…`]);
  });
});

describe('the QR code of a page', () => {
  const slides = (link?: string) => input().slides.map((slide) => ({ ...slide, link }));
  const LINK = 'https://marquee.example/c/AbCdEfGhIjK';

  test('stands on each slide, at the right below where nothing else is said', () => {
    const { html } = renderTemplate(input({ slides: slides(LINK) }));
    expect(html).toContain('data-qr="bottom-right"');
    expect(html.match(/<section[^>]*><svg class="qr"/g)).toHaveLength(2);
  });

  test('is none where the campaign leads nowhere, or wants none', () => {
    for (const more of [{ slides: slides() }, { slides: slides(LINK), metadata: { qrPosition: 'none' } }])
      expect(renderTemplate(input(more)).html).not.toMatch(/<svg|data-qr="/);
  });

  test('stands where metadata says, and a place that is none is named', () => {
    const at = (qrPosition: unknown) => renderTemplate(input({ slides: slides(LINK), metadata: { qrPosition } }));
    expect(at('top-left').html).toContain('data-qr="top-left"');
    expect(at('middle').html).toContain('data-qr="bottom-right"');
    expect(at('middle').warnings).toEqual([
      'metadata.qrPosition must be one of bottom-right, bottom-left, top-right, top-left, none: ignored',
    ]);
  });
});

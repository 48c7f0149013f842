import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bringsNothing, type Offer, readControl, readOffer } from './manifest.js';

const BASE = 'http://marquee.test/player/';
const DIGEST = 'AB'.repeat(32);
const sound = {
  manifestId: 'm',
  campaignId: '0192f0c1-2222-7222-8333-444455556666',
  version: 1,
  startAt: 1_000,
  expireAt: 2_000,
  templateUrl: 'http://marquee.test/templates/1/index.html',
  assets: [{ id: 'a', assetType: 'image', url: 'http://cdn.test/a.png', checksum: DIGEST, sizeBytes: 5 }],
  slides: [
    { assetId: 'a', durationMs: 4_000 },
    { assetId: 'a', durationMs: 3_000 },
  ],
  priority: 2,
};

function read(over: Record<string, unknown>): Offer {
  const result = readOffer(JSON.stringify({ ...sound, ...over }), BASE);
  if (!result.ok) throw new Error(result.reason);
  return result.offer;
}
function refusal(over: Record<string, unknown>) {
  const result = readOffer(JSON.stringify({ ...sound, ...over }), BASE);
  return result.ok ? 'accepted' : result.campaign === undefined ? 'silent' : 'refused';
}

describe('a manifest', () => {
  it('is read with all that it carries', () => {
    expect(read({})).toEqual({
      campaignId: sound.campaignId,
      version: 1,
      startAt: 1_000,
      expireAt: 2_000,
      templateUrl: sound.templateUrl,
      templateChecksum: '',
      assets: [{ id: 'a', url: 'http://cdn.test/a.png', checksum: DIGEST.toLowerCase(), sizeBytes: 5 }],
      loopMs: 7_000,
      priority: 2,
      window: undefined,
    });
  });

  it('may come from an older server: no ids, no slides, any form of campaign id', () => {
    const offer = read({
      campaignId: 'spring-sale',
      slides: undefined,
      priority: undefined,
      assets: [{ url: '/a.png', checksum: '', sizeBytes: 0 }],
    });
    expect(offer).toMatchObject({
      campaignId: 'spring-sale',
      assets: [{ id: '/a.png', url: '/a.png', checksum: '', sizeBytes: 0 }],
      loopMs: 10_000,
      priority: 0,
    });
    expect(read({ assets: undefined }).assets).toEqual([]);
  });

  it('has an unknown checksum where it is not 64 hex digits', () => {
    const checksums = ['', 'abc', `${DIGEST}0`, 'z'.repeat(64), 7, null, undefined].map(
      (checksum) => read({ assets: [{ url: 'http://x/', checksum }] }).assets[0]?.checksum,
    );
    expect(new Set(checksums)).toEqual(new Set(['']));
  });

  it('is refused by name when it cannot be played', () => {
    const unsound = [
      { startAt: 'now' },
      { expireAt: null },
      { expireAt: 1_000 },
      { startAt: -1 },
      { templateUrl: undefined },
      { templateUrl: 'javascript:alert(1)' },
      { templateUrl: 'file:///etc/passwd' },
      { templateUrl: 'http://' },
      { assets: 'none' },
      { assets: [null] },
      { assets: [{}] },
      { assets: [{ url: 'data:,x' }] },
      { window: { days: [1] } },
      { window: 'always' },
    ];
    for (const over of unsound) expect([over, refusal(over)]).toEqual([over, 'refused']);
  });

  it('that names no campaign or version is left alone', () => {
    for (const over of [
      { campaignId: 7 },
      { campaignId: ' ' },
      { campaignId: 'x'.repeat(129) },
      { version: 1.5 },
      { version: -1 },
      { version: '1' },
    ]) {
      expect([over, refusal(over)]).toEqual([over, 'silent']);
    }
    for (const text of ['', 'null', '[]', '7', '{', '\u0000'])
      expect(readOffer(text, BASE)).toMatchObject({ ok: false, campaign: undefined });
  });

  it('never throws, whatever comes', () => {
    fc.assert(fc.property(fc.json(), (text) => void [readOffer(text, BASE), readControl(text)]));
    fc.assert(
      fc.property(fc.record(Object.fromEntries(Object.keys(sound).map((key) => [key, fc.jsonValue()]))), (value) => void refusal(value)),
    );
  });
});

describe('an offer brings nothing new', () => {
  it('when it is older or the same, but a newer version or other content does', () => {
    const installed = read({ version: 2 });
    expect(bringsNothing(read({ version: 1 }), installed)).toBe(true);
    expect(bringsNothing(read({ version: 2 }), installed)).toBe(true);
    expect(bringsNothing(read({ version: 3 }), installed)).toBe(false);
    expect(bringsNothing(read({ version: 2, expireAt: 3_000 }), installed)).toBe(false);
  });

  it('when it knows fewer digests of the same version, but one more is worth an install', () => {
    const less = read({ assets: [{ id: 'a', url: 'http://cdn.test/a.png', checksum: '' }] });
    expect(bringsNothing(read({}), less)).toBe(false);
    expect(bringsNothing(less, read({}))).toBe(true);
  });
});

describe('a control message', () => {
  it('is taken when it is known and whole', () => {
    expect(readControl('{"type":"revoke","campaignId":"x"}')).toEqual({ type: 'revoke', campaignId: 'x' });
    expect(readControl('{"type":"reload"}')).toEqual({ type: 'reload' });
    expect(readControl('{"type":"identify"}')).toEqual({ type: 'identify' });
    for (const text of ['{"type":"revoke"}', '{"type":"revoke","campaignId":5}', '{"type":"dance"}', 'null', '', '{}', '[]']) {
      expect(readControl(text)).toBeUndefined();
    }
  });
});

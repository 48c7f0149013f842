import { WHY_REASONS, whyView, type WhyReason } from '@marquee/contracts';
import { describe, expect, it, test } from 'vitest';
import { CASES, HOUR, NOW, office, OTHER, type Parts, rival, silent, snapshot } from '../../test/support/why-cases.js';
import type { CampaignFacts } from './snapshot.js';
import { why } from './why.js';

describe('the answer to "why is it not playing?"', () => {
  const cases = Object.entries(CASES).flatMap(([reason, told]) => told.map((each) => ({ reason, ...each })));

  test.each(cases)('$reason: $sentence', ({ reason, parts, sentence, since = null, next = null, playing = false, also = [] }) => {
    const answer = why(snapshot(parts), NOW);
    expect(answer).toMatchObject({ reason, sentence, since, next, playing, facts: { also } });
    expect(whyView.parse(answer)).toEqual(answer);
    // One line that any terminal and page can show.
    expect(answer.sentence).not.toMatch(/[\p{Cc}]/u);
  });

  it('names the first of all causes, in the order in which the contracts list them', () => {
    // All at once: taken away one by one, the next one is named.
    const troubles: [WhyReason, Parts][] = [
      ['not_started', { campaign: { startAt: NOW + 1 } }],
      ['send_failed', { delivery: { ...silent, status: 'FAILED' } }],
      ['offline', { screen: { status: 'offline', report: { lacks: ['free_storage'] } } }],
      ['storage_full', { screen: { report: { lacks: ['free_storage'] } } }],
      ['not_installed', { delivery: { ...silent, installError: 'x' } }],
      ['window_closed', { campaign: { window: office } }],
      ['outranked', { rivals: [{ ...rival, priority: 1 }] }],
      ['missing_assets', { delivery: { missingAssets: true } }],
      ['clock_off', { screen: { clockOffsetMs: 9000 } }],
      ['should_play', {}],
    ];
    for (const [index, [reason]] of troubles.entries()) {
      const left = troubles.slice(index).map(([, parts]) => parts);
      const merged: Parts = {
        campaign: Object.assign({}, ...left.map((parts) => parts.campaign ?? {}).reverse()),
        screen: Object.assign({}, ...left.map((parts) => parts.screen ?? {}).reverse()),
        delivery: Object.assign({}, ...left.map((parts) => parts.delivery ?? {}).reverse()),
        rivals: left.flatMap((parts) => parts.rivals ?? []),
      };
      expect(why(snapshot(merged), NOW).reason).toBe(reason);
    }
  });

  it('names whoever has the screen now', () => {
    const { facts } = why(snapshot({ rivals: [{ ...rival, priority: 2 }] }), NOW);
    expect(facts).toMatchObject({ rival: { campaignId: OTHER, name: 'Sale', priority: 2 }, version: 1, heldVersion: 1, timeZone: 'UTC' });
    expect(why(snapshot({ delivery: { onAir: true } }), NOW).facts.rival).toBeNull();
  });

  it('believes the screen before its own schedule', () => {
    const answer = why(snapshot({ delivery: { onAir: true }, rivals: [{ ...rival, priority: 2, expireAt: NOW + HOUR }] }), NOW);
    expect(answer).toMatchObject({ playing: true, reason: 'playing', facts: { also: [expect.stringContaining('“Sale” has the screen')] } });
  });

  it('tells of an edit that is not with the screens yet, and that they keep what they have', () => {
    const edited = { version: 3, liveVersion: 1 };
    const also = (more: Partial<CampaignFacts>) => why(snapshot({ campaign: { ...edited, ...more }, delivery: { onAir: true } }), NOW);
    expect(also({})).toMatchObject({
      reason: 'playing',
      facts: { also: ['Version 3 is being built; screens keep version 1 until then.'] },
    });
    expect(also({ buildError: 'no space' }).facts.also).toEqual(['Version 3 could not be built: no space.']);
    expect(also({ status: 'cancelled' }).facts.also).toEqual([]);
  });

  it('does not ask how a campaign was sent that the screen has already', () => {
    for (const status of ['PENDING', 'IN_PROGRESS', 'SENDING', 'FAILED', 'UNKNOWN'] as const) {
      const parts: Parts = { campaign: { paused: true }, delivery: { status } };
      expect(why(snapshot(parts), NOW)).toMatchObject({ reason: 'should_play', facts: { also: [] } });
    }
  });

  it('does not say of a campaign that is over what no longer matters', () => {
    const broken = { ...silent, status: 'FAILED', missingAssets: true, installError: 'x' } as const;
    for (const status of ['cancelled', 'completed'] as const) {
      const parts: Parts = {
        campaign: { status, window: office, paused: true },
        delivery: broken,
        screen: { status: 'offline', clockOffsetMs: 9000 },
      };
      expect(why(snapshot(parts), NOW).facts.also).toEqual([]);
    }
  });

  it('has a meaning for every reason', () => {
    for (const meaning of Object.values(WHY_REASONS)) expect(meaning).toMatch(/^[A-Z].*\.$/);
  });
});

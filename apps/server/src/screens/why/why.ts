import { scheduleAt, WHY_REASONS, type WhyReason, type WhyView } from '@marquee/contracts';
import { type Finding, RULES, shouldPlay } from './reasons.js';
import type { Case, Snapshot } from './snapshot.js';
import { because, speaker } from './words.js';

const ORDER = (Object.keys(WHY_REASONS) as WhyReason[]).filter((reason) => reason !== 'should_play');

/** Why a campaign is or is not playing on a screen at `now` (epoch ms): the first reason that holds, and the others beside it. */
export function why(snapshot: Snapshot, now: number): WhyView {
  const the = caseOf(snapshot, now);
  const found = ORDER.flatMap((reason) => {
    const finding = RULES[reason](the);
    return finding === undefined ? [] : [{ reason, finding }];
  });
  const [first, ...others] = found;
  const { reason, finding }: { reason: WhyReason; finding: Finding } = first ?? { reason: 'should_play', finding: shouldPlay(the) };
  const { campaign, screen, delivery, plan } = the;
  return {
    campaignId: campaign.campaignId,
    deviceId: snapshot.deviceId,
    playing: reason !== 'its_turn_comes' && the.online && delivery?.onAir === true,
    reason,
    sentence: finding.sentence,
    since: finding.since ?? null,
    next: finding.next ?? null,
    facts: {
      campaign: campaign.name,
      version: campaign.version,
      heldVersion: delivery?.heldVersion ?? null,
      screenStatus: screen?.status ?? null,
      deliveryId: delivery?.id ?? null,
      deliveryStatus: delivery?.status ?? null,
      rival:
        plan.shown === undefined || plan.shown.campaignId === campaign.campaignId
          ? null
          : { campaignId: plan.shown.campaignId, name: plan.shown.name, priority: plan.shown.priority },
      timeZone: campaign.window?.timeZone ?? 'UTC',
      also: [...others.map((other) => other.finding.sentence), ...editOf(the)],
    },
  };
}

/** An edit is no reason for what a screen shows: until it is built, screens keep what they have. */
function editOf({ campaign, over }: Case): string[] {
  const { version, liveVersion, buildError, status } = campaign;
  if (over || version === liveVersion || status === 'draft' || status === 'building') return [];
  const keep = `screens keep version ${liveVersion} until then.`;
  return [
    buildError === null ? `Version ${version} is being built; ${keep}` : `Version ${version} could not be built${because(buildError)}`,
  ];
}

function caseOf(snapshot: Snapshot, now: number): Case {
  const { campaign, screen, delivery, rivals } = snapshot;
  const over = campaign.status === 'cancelled' || campaign.status === 'completed' || campaign.expireAt <= now;
  const all = over ? rivals : [campaign, ...rivals];
  return {
    ...snapshot,
    now,
    all,
    plan: scheduleAt(all, now),
    online: screen?.status === 'online',
    held: delivery !== null && delivery.acknowledgedAt !== null && (delivery.heldVersion ?? 0) >= campaign.liveVersion,
    over,
    say: speaker(campaign.window?.timeZone),
  };
}

import { CLOCK_OFF_MS, isOpen, nextFlip, nextShown, type WhyReason } from '@marquee/contracts';
import type { Case, DeliveryFacts } from './snapshot.js';
import { because, duration, hours, listed, missedBy, named } from './words.js';

/** A reason that holds. */
export interface Finding {
  sentence: string;
  since?: number | null;
  next?: number | null | undefined;
}
export type Rule = (the: Case) => Finding | undefined;

/** How far a next opening or turn is looked for. */
const HORIZON_MS = 8 * 86_400_000;

function horizonOf(the: Case): number {
  return Math.min(the.now + HORIZON_MS, the.campaign.expireAt);
}

/** Ends of campaigns: what the screen still does with its copy. */
function copyOf({ delivery, campaign, online, say }: Case): string {
  if (delivery === null || delivery.attempt === 0) return ' The screen never got it.';
  const asked = delivery.revokes > 0 ? ` (asked ${times(delivery.revokes)})` : '';
  const shown = online && delivery.onAir ? ' and still shows it' : '';
  return ` The screen${online ? '' : ' is offline and'} has not confirmed yet that it took it off${asked}${shown}; its copy ends by itself at ${say(campaign.expireAt)}.`;
}

function times(n: number): string {
  return n === 1 ? 'once' : n === 2 ? 'twice' : `${n} times`;
}

function waitsToBeSent({ status, lastError, nextAttemptAt }: DeliveryFacts, { now, say }: Case): string {
  if (status === 'IN_PROGRESS') return 'A worker has claimed the delivery and is about to send it.';
  if (status === 'SENDING') return 'The delivery is being sent right now.';
  const again = nextAttemptAt !== null && nextAttemptAt > now ? ` The next attempt is at ${say(nextAttemptAt)}.` : '';
  return lastError === null ? `The delivery waits to be sent.${again}` : `The last attempt to send it failed${because(lastError)}${again}`;
}

/** A screen that comes online is offered at once what it lacks, whatever was planned. */
function nextOffer({ delivery, online, say }: Case): string {
  const at = delivery?.nextOfferAt ?? null;
  if (at === null) return '';
  return online ? ` The next offer is at ${say(at)}.` : ' It is offered again as soon as the screen is online.';
}

/** Of the version at hand, the screen has neither said that it is there nor why not. */
function silent(the: Case): DeliveryFacts | undefined {
  const { delivery, held, over } = the;
  return delivery !== null && delivery.status === 'SUCCESS' && !held && !over ? delivery : undefined;
}

/** Of the campaigns that are on, this one would be shown if it were its turn. */
function sharesNow({ plan, campaign }: Case): boolean {
  return plan.onAir.length > 1 && plan.onAir.some(({ campaignId }) => campaignId === campaign.campaignId);
}

function othersInTurn({ plan, campaign }: Case): string {
  return listed(plan.onAir.filter(({ campaignId }) => campaignId !== campaign.campaignId).map(({ name }) => named(name)));
}

function isShownByPlan({ plan, campaign }: Case): boolean {
  return plan.shown?.campaignId === campaign.campaignId;
}

const ofTheCampaign = {
  unknown_screen: ({ deviceId, screen, delivery }) =>
    screen === null
      ? {
          sentence:
            delivery === null
              ? `There is no screen ${named(deviceId)} in the registry.`
              : `The screen ${named(deviceId)} is no longer in the registry; the campaign was given to it before.`,
        }
      : undefined,
  revoked: ({ campaign, delivery, say }) =>
    campaign.status === 'cancelled' && delivery !== null && delivery.revokeAckedAt !== null
      ? {
          sentence: `The campaign was cancelled at ${say(campaign.updatedAt)}, and the screen confirmed at ${say(delivery.revokeAckedAt)} that it took it off.`,
          since: delivery.revokeAckedAt,
        }
      : undefined,
  cancelled: (the) => {
    const { campaign, delivery, say } = the;
    if (campaign.status !== 'cancelled' || (delivery !== null && delivery.revokeAckedAt !== null)) return undefined;
    const copied = delivery !== null && delivery.attempt > 0;
    return {
      sentence: `The campaign was cancelled at ${say(campaign.updatedAt)}.${copyOf(the)}`,
      since: campaign.updatedAt,
      next: copied && campaign.expireAt > the.now ? campaign.expireAt : null,
    };
  },
  expired: ({ campaign, delivery, online, now, say }) =>
    campaign.status === 'completed' || (campaign.status !== 'cancelled' && campaign.expireAt <= now)
      ? {
          sentence: `The campaign ended at ${say(campaign.expireAt)}.${online && delivery?.onAir === true ? ' The screen has not said yet that it stopped.' : ''}`,
          since: campaign.expireAt,
        }
      : undefined,
  build_failed: ({ campaign }) =>
    campaign.buildError !== null && (campaign.status === 'draft' || campaign.status === 'building')
      ? { sentence: `Its page could not be built${because(campaign.buildError)}` }
      : undefined,
  not_started: ({ campaign, over, now, say }) =>
    !over && campaign.startAt > now ? { sentence: `The campaign starts at ${say(campaign.startAt)}.`, next: campaign.startAt } : undefined,
  building: ({ campaign, say }) =>
    campaign.buildError === null && (campaign.status === 'draft' || campaign.status === 'building')
      ? { sentence: `Its page is being built; the campaign was last changed at ${say(campaign.updatedAt)}.`, since: campaign.updatedAt }
      : undefined,
  waiting_for_dispatch: ({ campaign }) =>
    campaign.status === 'ready' && campaign.dispatch === 'manual'
      ? { sentence: 'The campaign is built and waits for somebody to dispatch it.', since: campaign.updatedAt }
      : undefined,
  paused: ({ campaign, over, held }) =>
    campaign.paused && !over && !held
      ? { sentence: 'The campaign is paused: nothing of it is sent until it is resumed, and this screen has not got it yet.' }
      : undefined,
} satisfies Partial<Record<WhyReason, Rule>>;

const ofTheDelivery = {
  not_targeted: ({ campaign, screen, delivery, deviceId }) => {
    if (screen === null || delivery !== null) return undefined;
    const missed = missedBy(campaign.audience, deviceId, screen);
    return missed === undefined ? undefined : { sentence: `The campaign does not mean this screen: ${missed}` };
  },
  joining: ({ campaign, screen, delivery, deviceId, over }) => {
    if (screen === null || delivery !== null || over || missedBy(campaign.audience, deviceId, screen) !== undefined) return undefined;
    if (campaign.status === 'ready' && campaign.dispatch === 'auto')
      return { sentence: 'The campaign is built and about to be started.', since: campaign.updatedAt };
    if (campaign.status !== 'publishing' && campaign.status !== 'active') return undefined;
    return { sentence: 'The campaign means this screen and is about to be given to it.', since: campaign.executionAt };
  },
  not_sent_yet: (the) => {
    const { delivery, held, over } = the;
    if (delivery === null || held || over) return undefined;
    if (delivery.status !== 'PENDING' && delivery.status !== 'IN_PROGRESS' && delivery.status !== 'SENDING') return undefined;
    return { sentence: waitsToBeSent(delivery, the), since: the.campaign.executionAt, next: delivery.nextAttemptAt };
  },
  send_failed: ({ delivery, held, over }) =>
    delivery?.status === 'FAILED' && !held && !over
      ? { sentence: `Sending it to this screen was given up${because(delivery.lastError)}`, since: delivery.settledAt }
      : undefined,
  send_unknown: ({ delivery, held, over }) =>
    delivery?.status === 'UNKNOWN' && !held && !over
      ? { sentence: `Whether it was sent to this screen is not known${because(delivery.lastError)}`, since: delivery.settledAt }
      : undefined,
  send_cancelled: ({ delivery, over }) =>
    delivery?.status === 'CANCELLED' && !over
      ? { sentence: `Its delivery to this screen was cancelled${because(delivery.lastError)}`, since: delivery.settledAt }
      : undefined,
  storage_full: (the) => {
    const { screen } = the;
    if (silent(the) === undefined || screen?.report.lacks?.includes('free_storage') !== true) return undefined;
    const { storage } = screen.report;
    const room =
      storage === undefined || storage === null ? '' : ` (${megabytes(storage.usedBytes)} of ${megabytes(storage.quotaBytes)} used)`;
    return { sentence: `The screen has no room left for the campaign${room}.` };
  },
  not_installed: (the) => {
    const delivery = silent(the);
    if (delivery?.installError === undefined || delivery.installError === null) return undefined;
    const again = nextOffer(the);
    return {
      sentence: `The screen could not install it${because(delivery.installError)}${again}`,
      since: delivery.installErrorAt === 0 ? null : delivery.installErrorAt,
      next: delivery.nextOfferAt,
    };
  },
  not_acknowledged: (the) => {
    const delivery = silent(the);
    if (
      delivery === undefined ||
      delivery.installError !== null ||
      (delivery.heldVersion ?? the.campaign.liveVersion) < the.campaign.liveVersion
    )
      return undefined;
    const handed = delivery.settledAt === null ? 'It was handed over' : `It was handed over at ${the.say(delivery.settledAt)}`;
    const offers = delivery.offers === 0 ? '' : ` It was offered again ${times(delivery.offers)}.`;
    const next = nextOffer(the);
    return {
      sentence: `${handed} and the screen has not answered.${offers}${next}`,
      since: delivery.settledAt,
      next: delivery.nextOfferAt,
    };
  },
  older_version: (the) => {
    const { campaign, delivery, over } = the;
    if (delivery === null || over || delivery.heldVersion === null || delivery.heldVersion >= campaign.liveVersion) return undefined;
    const next = nextOffer(the);
    return {
      sentence: `The screen has version ${delivery.heldVersion} of the campaign and not version ${campaign.liveVersion} yet.${next}`,
      since: campaign.updatedAt,
      next: delivery.nextOfferAt,
    };
  },
} satisfies Partial<Record<WhyReason, Rule>>;

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_000_000)} MB`;
}

const ofTheScreen = {
  playing: (the) => {
    const { delivery, campaign, online, over, say } = the;
    if (!online || over || delivery?.onAir !== true || (sharesNow(the) && !isShownByPlan(the))) return undefined;
    const shared = sharesNow(the) ? ` It shares the screen with ${othersInTurn(the)} in turn.` : '';
    return {
      sentence: `The screen has been showing ${named(campaign.name)} since ${say(delivery.displayAt)}.${shared}`,
      since: delivery.displayAt,
    };
  },
  its_turn_comes: (the) => {
    const { delivery, campaign, online, held, over, say } = the;
    if (!online || over || delivery === null || !(held || delivery.onAir) || !sharesNow(the) || isShownByPlan(the)) return undefined;
    const next = nextShown(campaign.campaignId, the.all, the.now, horizonOf(the));
    const turn = next === undefined ? 'its turn does not come again before it ends' : `its next turn is at ${say(next)}`;
    return {
      sentence: `It shares the screen with ${othersInTurn(the)} in turn; ${turn}.`,
      since: delivery.onAir ? delivery.displayAt : null,
      next,
    };
  },
  offline: (the) => {
    const { screen, over, say } = the;
    if (screen?.status !== 'offline' || over) return undefined;
    const gone = screen.lastSeen === null ? 'The screen was never seen online' : `The screen is offline since ${say(screen.statusSince)}`;
    return { sentence: `${gone}${withoutNetwork(the)}`, since: screen.lastSeen === null ? null : screen.statusSince };
  },
  missing_assets: ({ delivery, held, over }) =>
    delivery?.missingAssets === true && held && !over
      ? {
          sentence: 'The screen has the campaign without an asset that it could not have; it should play the rest.',
          since: delivery.acknowledgedAt,
        }
      : undefined,
  clock_off: ({ screen, over }) => {
    const offset = screen?.clockOffsetMs ?? 0;
    if (over || Math.abs(offset) <= CLOCK_OFF_MS) return undefined;
    const side = offset > 0 ? 'behind' : 'ahead of';
    return {
      sentence: `The clock of the screen is ${duration(Math.abs(offset))} ${side} the server’s: a player that does not correct for it starts and ends wrong.`,
    };
  },
} satisfies Partial<Record<WhyReason, Rule>>;

/** What a screen without a network does with the campaign: it is not heard, so only what it said before is known. */
function withoutNetwork(the: Case): string {
  const { delivery, held } = the;
  if (delivery === null) return '.';
  if (delivery.onAir) return `; it was showing the campaign then, and as far as we know it goes on by itself.`;
  if (held && isShownByPlan(the)) return '; it has the campaign installed, and as far as we know plays it by itself.';
  if (held) return `; it has the campaign installed and keeps to its times by itself.`;
  if (delivery.heldVersion !== null) return `; it has version ${delivery.heldVersion} of the campaign and plays that by itself.`;
  return ' and has not installed the campaign.';
}

const ofTheSchedule = {
  window_closed: (the) => {
    const { campaign, over, now, say } = the;
    const { window } = campaign;
    if (over || window === undefined || campaign.startAt > now || isOpen(window, now)) return undefined;
    const next = nextFlip(window, now, horizonOf(the));
    const opens = next === undefined ? 'does not open again before it ends' : `opens next at ${say(next)}`;
    const far = next === undefined && horizonOf(the) < campaign.expireAt ? 'does not open within the next 8 days' : opens;
    return { sentence: `It may play ${hours(window)} only, and ${far}.`, next };
  },
  outranked: (the) => {
    const { campaign, plan, now, say } = the;
    const isThis = ({ campaignId }: { campaignId: string }): boolean => campaignId === campaign.campaignId;
    const { shown } = plan;
    if (shown === undefined || !plan.open.some(isThis) || plan.onAir.some(isThis)) return undefined;
    const next = nextShown(campaign.campaignId, the.all, now, horizonOf(the));
    const until = next === undefined ? '' : ` Its turn comes at ${say(next)}.`;
    return {
      sentence: `${named(shown.name)} has the screen with priority ${shown.priority}; this campaign has ${campaign.priority}.${until}`,
      next,
    };
  },
} satisfies Partial<Record<WhyReason, Rule>>;

/** When none of the others holds. */
export function shouldPlay({ campaign, delivery }: Case): Finding {
  return {
    sentence: 'By all that is known it should be playing; the screen has not said yet that it shows it.',
    since: Math.max(campaign.startAt, delivery?.acknowledgedAt ?? 0),
  };
}

/** When each reason holds, and its sentence. */
export const RULES: Record<Exclude<WhyReason, 'should_play'>, Rule> = {
  ...ofTheCampaign,
  ...ofTheDelivery,
  ...ofTheScreen,
  ...ofTheSchedule,
};

import { type CampaignCounts, type CampaignDetail, countedAudience } from '@marquee/contracts';
import type { Part } from '../../parts/figures.js';

/** Deliveries that are over, whichever way. */
export function endedOf({ SUCCESS, FAILED, CANCELLED, UNKNOWN }: CampaignCounts): number {
  return SUCCESS + FAILED + CANCELLED + UNKNOWN;
}

/** How many there will be, where the audience says so; 0 where only its reading tells. */
export function expectedOf({ audience, status }: CampaignDetail): number {
  const counted = countedAudience.safeParse(audience);
  return counted.success && (status === 'active' || status === 'publishing') ? counted.data.count : 0;
}

/** The parts of the progress bar. */
export function partsOfSending(counts: CampaignCounts): Part[] {
  return [
    { name: 'Sent', value: counts.SUCCESS, color: 'marquee.6' },
    { name: 'Failed', value: counts.FAILED, color: 'red.6' },
    { name: 'Unknown', value: counts.UNKNOWN, color: 'orange.5' },
    { name: 'Cancelled', value: counts.CANCELLED, color: 'gray.6' },
    { name: 'Sending', value: counts.SENDING, color: 'blue.6' },
    { name: 'Claimed', value: counts.IN_PROGRESS, color: 'blue.3' },
    { name: 'Waiting', value: counts.PENDING, color: 'gray.4' },
  ];
}

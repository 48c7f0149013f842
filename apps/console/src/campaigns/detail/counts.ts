import type { CampaignCounts, CampaignStatus } from '@marquee/contracts';
import type { Part } from '../../parts/figures.js';

export function targeted(counts: CampaignCounts): number {
  return counts.PENDING + counts.IN_PROGRESS + counts.SENDING + counts.SUCCESS + counts.FAILED + counts.CANCELLED + counts.UNKNOWN;
}

/**
 * Where the deliveries stand. Screens may answer before their delivery is settled, so what is installed is at most what was handed
 * over here; it catches up with the next answer. Of a cancelled campaign it is no success any more, and has no colour of one.
 */
export function partsOf(counts: CampaignCounts, status: CampaignStatus): Part[] {
  const [there, coming] = status === 'cancelled' ? ['gray.5', 'gray.4'] : ['marquee.6', 'marquee.3'];
  const installed = Math.min(counts.acknowledged, counts.SUCCESS);
  const failedInstall = Math.min(counts.failedInstall, counts.SUCCESS - installed);
  return [
    { name: 'Installed', value: installed, color: there },
    { name: 'Handed over, not installed yet', value: counts.SUCCESS - installed - failedInstall, color: coming },
    { name: 'On its way', value: counts.IN_PROGRESS + counts.SENDING, color: 'blue.5' },
    { name: 'Waiting', value: counts.PENDING, color: 'gray.4' },
    { name: 'Failed install', value: failedInstall, color: 'red.5' },
    { name: 'Failed', value: counts.FAILED, color: 'red.8' },
    { name: 'Unknown', value: counts.UNKNOWN, color: 'orange.5' },
    { name: 'Cancelled', value: counts.CANCELLED, color: 'gray.6' },
  ];
}

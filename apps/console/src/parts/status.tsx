import { Badge, Box, Tooltip } from '@mantine/core';
import type { CampaignStatus, CampaignView, DeliveryState, ScreenStatus } from '@marquee/contracts';
import classes from './status.module.css';

/** How a state is drawn and what it says; `busy` states breathe. */
interface Look {
  color: string;
  label: string;
  meaning: string;
  busy?: boolean;
}

export const CAMPAIGN_LOOKS: Record<CampaignStatus, Look> = {
  draft: { color: 'gray', label: 'Draft', meaning: 'Stored; its page will be built next.' },
  building: { color: 'blue', label: 'Building', meaning: 'The page that screens show is being built.', busy: true },
  ready: { color: 'violet', label: 'Ready', meaning: 'Built, and waiting to be dispatched.' },
  publishing: { color: 'marquee', label: 'Publishing', meaning: 'Being handed over to its screens.', busy: true },
  active: { color: 'green', label: 'Active', meaning: 'Handed over to every screen it was meant for.' },
  completed: { color: 'gray', label: 'Completed', meaning: 'Its time is over.' },
  cancelled: { color: 'red', label: 'Cancelled', meaning: 'Taken back; screens are told to remove it.' },
};

export const DELIVERY_LOOKS: Record<DeliveryState, Look> = {
  PENDING: { color: 'gray', label: 'Waiting', meaning: 'Not handed over yet.' },
  IN_PROGRESS: { color: 'blue', label: 'Claimed', meaning: 'A worker has taken it on.', busy: true },
  SENDING: { color: 'blue', label: 'Sending', meaning: 'On its way right now.', busy: true },
  SUCCESS: { color: 'green', label: 'Handed over', meaning: 'Handed over for the screen.' },
  FAILED: { color: 'red', label: 'Failed', meaning: 'Could not be handed over.' },
  CANCELLED: { color: 'gray', label: 'Cancelled', meaning: 'Taken back before it was handed over.' },
  UNKNOWN: { color: 'orange', label: 'Unknown', meaning: 'Whether it was handed over is not known.' },
};

export function CampaignBadge({
  campaign: { status, paused, channel },
}: {
  campaign: Pick<CampaignView, 'status' | 'paused' | 'channel'>;
}) {
  const over = status === 'completed' || status === 'cancelled';
  if (paused && !over) return <LookBadge look={{ color: 'yellow', label: 'Paused', meaning: 'Nothing is sent until it is resumed.' }} />;
  const meaning = channel === 'screen' ? undefined : SENDING_MEANINGS[status];
  return <LookBadge look={{ ...CAMPAIGN_LOOKS[status], ...(meaning === undefined ? {} : { meaning }) }} />;
}

/** What the states mean where nothing is built and no screen shows it. */
const SENDING_MEANINGS: Partial<Record<CampaignStatus, string>> = {
  draft: 'Stored.',
  ready: 'Waiting to be dispatched.',
  active: 'Being sent.',
  completed: 'It has ended.',
  cancelled: 'Nothing of it is sent any more.',
};

export const SENDING_LOOKS: Record<DeliveryState, Look> = {
  PENDING: { color: 'gray', label: 'Waiting', meaning: 'To be sent, for the first time or again.' },
  IN_PROGRESS: { color: 'blue', label: 'Claimed', meaning: 'A worker has taken it on.', busy: true },
  SENDING: { color: 'blue', label: 'Sending', meaning: 'On its way right now.', busy: true },
  SUCCESS: { color: 'green', label: 'Sent', meaning: 'Taken by whoever it was sent to.' },
  FAILED: { color: 'red', label: 'Failed', meaning: 'Not sent.' },
  CANCELLED: { color: 'gray', label: 'Cancelled', meaning: 'Taken back before it was sent.' },
  UNKNOWN: { color: 'orange', label: 'Unknown', meaning: 'Whether it was sent is not known.' },
};

export function DeliveryBadge({ state, looks = DELIVERY_LOOKS }: { state: DeliveryState; looks?: Record<DeliveryState, Look> }) {
  return <LookBadge look={looks[state]} />;
}

export function LookBadge({ look }: { look: Look }) {
  return (
    <Tooltip label={look.meaning}>
      <Badge variant="light" color={look.color} leftSection={<Box className={classes.dot ?? ''} data-busy={look.busy ?? false} />}>
        {look.label}
      </Badge>
    </Tooltip>
  );
}

export function ScreenDot({ status }: { status: ScreenStatus }) {
  return (
    <span className={classes.screen}>
      <span className={classes.presence} data-status={status} />
      {status === 'online' ? 'Online' : 'Offline'}
    </span>
  );
}

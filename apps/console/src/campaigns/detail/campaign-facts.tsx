import { Group, Text } from '@mantine/core';
import type { CampaignDetail, ScreenAudience } from '@marquee/contracts';
import { screenAudience } from '@marquee/contracts';
import type { ReactNode } from 'react';
import { Fact, Facts } from '../../parts/facts.js';
import { CampaignBadge } from '../../parts/status.js';
import { Time } from '../../parts/time.js';

export function CampaignFacts({ campaign }: { campaign: CampaignDetail }) {
  const { window } = campaign;
  return (
    <Facts>
      <Fact name="Status">
        <CampaignBadge status={campaign.status} paused={campaign.paused} />
      </Fact>
      <Fact name="Starts">
        <Time at={campaign.startAt} stacked />
      </Fact>
      <Fact name="Ends">
        <Time at={campaign.expireAt} stacked />
      </Fact>
      <Fact name="Audience">{audienceWords(campaign.audience)}</Fact>
      <Fact name="Priority">{campaign.priority}</Fact>
      <Fact name="Version">{campaign.version}</Fact>
      <Fact name="Dispatch">{campaign.dispatch === 'auto' ? 'As soon as built' : 'By hand'}</Fact>
      {window !== null && (
        <Fact name="Plays">
          {daysWords(window.days)}, {window.from}–{window.to}
          <Text size="xs" c="dimmed">
            {window.timeZone}
          </Text>
        </Fact>
      )}
      <Fact name="Created">
        <Time at={Date.parse(campaign.createdAt)} brief />
      </Fact>
    </Facts>
  );
}

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

function daysWords(days: number[]): string {
  if (days.length === 7) return 'Every day';
  return days.map((day) => DAYS[day - 1] ?? '?').join(' ');
}

function audienceWords(audience: Record<string, unknown>): ReactNode {
  const parsed = screenAudience.safeParse(audience);
  if (!parsed.success) return 'Of its own kind';
  return wordsOf(parsed.data);
}

function wordsOf(audience: ScreenAudience): ReactNode {
  if ('all' in audience) return 'All screens';
  if ('ids' in audience) return audience.ids.length === 1 ? audience.ids[0] : `${audience.ids.length} single screens`;
  const { groups, tags } = audience;
  const parts = [
    groups === undefined ? undefined : `Groups: ${few(groups)}`,
    tags?.any === undefined ? undefined : `Any tag of: ${few(tags.any)}`,
    tags?.all === undefined ? undefined : `All tags: ${few(tags.all)}`,
    tags?.none === undefined ? undefined : `No tag of: ${few(tags.none)}`,
  ];
  return (
    <Group gap={2} component="span" style={{ flexDirection: 'column', alignItems: 'flex-start' }}>
      {parts
        .filter((part) => part !== undefined)
        .map((part) => (
          <span key={part}>{part}</span>
        ))}
    </Group>
  );
}

function few(names: string[]): string {
  return names.length <= 4 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}

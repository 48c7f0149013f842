import { Text } from '@mantine/core';
import type { CampaignDetail } from '@marquee/contracts';
import { audienceWords } from '../../parts/audience-words.js';
import { Fact, Facts } from '../../parts/facts.js';
import { CampaignBadge } from '../../parts/status.js';
import { Time } from '../../parts/time.js';

export function CampaignFacts({ campaign }: { campaign: CampaignDetail }) {
  const { window } = campaign;
  return (
    <Facts>
      <Fact name="Status">
        <CampaignBadge campaign={campaign} />
      </Fact>
      <Fact name="Starts">
        <Time at={campaign.startAt} stacked />
      </Fact>
      <Fact name="Ends">
        <Time at={campaign.expireAt} stacked />
      </Fact>
      <Fact name="Audience">{audienceWords(campaign.audience, 'screens')}</Fact>
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

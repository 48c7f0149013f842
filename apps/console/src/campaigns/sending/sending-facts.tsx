import { Code, Text } from '@mantine/core';
import { type CampaignDetail, type OnUnknown, nullContent } from '@marquee/contracts';
import { audienceWords } from '../../parts/audience-words.js';
import { Channel } from '../../parts/channel.js';
import { Fact, Facts } from '../../parts/facts.js';
import { number } from '../../parts/pager.js';
import { CampaignBadge } from '../../parts/status.js';
import { Time } from '../../parts/time.js';

const ON_UNKNOWN_WORDS: Record<OnUnknown, string> = {
  hold: 'Held for you to decide',
  retry: 'Sent again',
  fail: 'Taken for failed',
};

export function SendingFacts({ campaign }: { campaign: CampaignDetail }) {
  const { channel, content, rate, startAt, expireAt, nextRunAt, schedule } = campaign;
  const rehearsal = channel === 'null' ? nullContent.safeParse(content ?? {}) : undefined;
  return (
    <Facts>
      <Fact name="Status">
        <CampaignBadge campaign={campaign} />
      </Fact>
      <Fact name="Channel">
        <Channel name={channel} />
      </Fact>
      <Fact name="Audience">{audienceWords(campaign.audience, 'contacts')}</Fact>
      <Fact name="Epoch">
        <span data-figure="Epoch">{campaign.epoch}</span>
      </Fact>
      <Fact name="Rate">{rate === null ? 'As fast as it goes' : `At most ${number(rate.perSecond)} a second`}</Fact>
      <Fact name="Dispatch">
        {campaign.dispatch === 'manual' ? 'By hand' : 'By itself'}
        {nextRunAt !== null && (
          <Text size="xs" c="dimmed" component="div">
            <Time at={nextRunAt} brief size="xs" before="next" after="due" />
          </Text>
        )}
      </Fact>
      {schedule !== null && (
        <Fact name="Schedule">
          <Code>{schedule.cron}</Code>
          <Text size="xs" c="dimmed">
            {schedule.timeZone}
          </Text>
        </Fact>
      )}
      {rehearsal?.success === true && (
        <Fact name="Rehearses">
          {number(rehearsal.data.latencyMs)} ms a send
          <Text size="xs" c="dimmed">
            {percent.format(rehearsal.data.failureRate)} fail
          </Text>
        </Fact>
      )}
      {channel !== 'null' && <Fact name="Unknown outcomes">{ON_UNKNOWN_WORDS[campaign.onUnknown]}</Fact>}
      <Fact name="Priority">{campaign.priority}</Fact>
      {startAt !== null && (
        <Fact name="Starts">
          <Time at={startAt} stacked />
        </Fact>
      )}
      {expireAt !== null && (
        <Fact name="Ends">
          <Time at={expireAt} stacked />
        </Fact>
      )}
      <Fact name="Created">
        <Time at={Date.parse(campaign.createdAt)} brief />
      </Fact>
    </Facts>
  );
}

const percent = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 2 });

import { Text } from '@mantine/core';
import type { CampaignDetail } from '@marquee/contracts';
import { useState } from 'react';
import { Bar, Figure } from '../../parts/figures.js';
import { number } from '../../parts/pager.js';
import { Section } from '../../parts/section.js';
import { targeted } from '../detail/counts.js';
import { endedOf, expectedOf, partsOfSending } from './counts.js';
import { leftWords, paceOf, type Sample, withSample } from './pace.js';
import classes from './sending.module.css';

/** Where the deliveries of a campaign stand, and how fast they go. `at`: when the counts were read (ms). */
export function SendingProgress({ campaign, at }: { campaign: CampaignDetail; at: number }) {
  const { counts, paused, status } = campaign;
  const pace = usePace(campaign, at);
  const total = targeted(counts);
  const expected = Math.max(total, expectedOf(campaign));
  const going = !paused && (status === 'active' || status === 'publishing');
  const words = going
    ? [pace === undefined ? undefined : `${number(Math.round(pace))}/s`, leftWords(expected - endedOf(counts), pace)]
    : [];
  return (
    <Section
      title="Progress"
      hint={hintOf(campaign, total, expected)}
      action={
        <Text fw={600} data-figure="Rate" role="status">
          {words.filter((word) => word !== undefined).join(' · ')}
        </Text>
      }
    >
      <dl className={classes.numbers}>
        <Figure name="Recipients" value={total} meaning="Deliveries that were made so far, one a recipient." />
        <Figure name="Waiting" value={counts.PENDING} meaning="To be sent, for the first time or again." />
        <Figure name="In flight" value={counts.IN_PROGRESS + counts.SENDING} meaning="Claimed by a worker, or being sent right now." />
        <Figure name="Sent" value={counts.SUCCESS} meaning="Taken by whoever they were sent to." />
        <Figure name="Failed" value={counts.FAILED} meaning="Not sent, for a reason that stands in the list below." alarming />
        <Figure name="Unknown" value={counts.UNKNOWN} meaning="May or may not have been sent; you decide what becomes of them." alarming />
      </dl>
      {total > 0 && <Bar parts={partsOfSending(counts)} total={expected} of="recipients" />}
    </Section>
  );
}

function hintOf({ status, paused, counts }: CampaignDetail, total: number, expected: number): string | undefined {
  if (paused && status !== 'completed' && status !== 'cancelled') {
    return counts.SENDING > 0 ? `Paused; ${number(counts.SENDING)} mid-air.` : 'Paused; nothing is mid-air.';
  }
  if (status === 'completed') return total === 0 ? 'It has ended; there was nobody to send to.' : 'It has ended.';
  if (status === 'cancelled') return 'It was cancelled.';
  if (total === 0) return 'Its recipients are read once it is dispatched.';
  return total < expected ? `Its deliveries are being made: ${number(total)} of ${number(expected)}.` : undefined;
}

/** Deliveries that end in a second, over the last few. */
function usePace({ counts, paused }: CampaignDetail, at: number): number | undefined {
  const [{ samples, readAt }, setKnown] = useState<{ samples: Sample[]; readAt: number }>({ samples: [], readAt: 0 });
  if (at !== readAt) setKnown({ samples: paused ? [] : withSample(samples, { at, ended: endedOf(counts) }), readAt: at });
  return paceOf(samples);
}

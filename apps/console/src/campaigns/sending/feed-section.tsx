import { Badge, SegmentedControl, Text } from '@mantine/core';
import type { FeedOutcome } from '@marquee/contracts';
import { useState } from 'react';
import { useLiveState } from '../../api/live.js';
import { number } from '../../parts/pager.js';
import { Section } from '../../parts/section.js';
import { CAMPAIGN_LOOKS } from '../../parts/status.js';
import { FEED_FILTERS, type FeedFilter, type Line } from './feed-log.js';
import classes from './sending.module.css';
import { useFeedLog } from './use-feed-log.js';

const FILTERS: { value: FeedFilter; label: string }[] = [
  { value: 'all', label: 'Everything' },
  { value: 'stale', label: 'Stale' },
  { value: 'trouble', label: 'Failed or unknown' },
];

/** Every outcome with its epoch, as it happens; messages that bounced off the fence stand out. */
export function FeedSection() {
  const { lines, stale } = useFeedLog();
  const [filter, setFilter] = useState<FeedFilter>('all');
  const shown = lines[filter];
  return (
    <Section
      title="Live"
      hint={
        stale === 0
          ? 'What happens from now on, newest first.'
          : `${number(stale)} stale ${stale === 1 ? 'message' : 'messages'} bounced off the fence; nothing was sent.`
      }
      action={
        <SegmentedControl
          size="xs"
          aria-label="What is listed"
          data={FILTERS}
          value={filter}
          onChange={(value) => setFilter(FEED_FILTERS.find((each) => each === value) ?? 'all')}
        />
      }
    >
      {shown.length === 0 ? (
        <Nothing filter={filter} />
      ) : (
        <ol className={classes.feed} aria-label="Live feed" tabIndex={0}>
          {shown.map((line) => (
            <FeedLine key={line.key} line={line} />
          ))}
        </ol>
      )}
    </Section>
  );
}

function Nothing({ filter }: { filter: FeedFilter }) {
  const live = useLiveState() === 'live';
  if (!live) return <Words text="The live connection is being made." />;
  return <Words text={filter === 'all' ? 'Nothing has happened yet.' : 'None so far.'} />;
}

function Words({ text }: { text: string }) {
  return (
    <Text size="sm" c="dimmed">
      {text}
    </Text>
  );
}

function FeedLine({ line }: { line: Line }) {
  const stale = line.kind === 'deliveries' && line.outcome === 'REJECTED_STALE';
  return (
    <li
      className={classes.line}
      data-kind={stale ? 'stale' : line.kind}
      data-outcome={line.kind === 'deliveries' ? line.outcome : undefined}
    >
      <span className={classes.moment}>{clock(line.ts)}</span>
      <What line={line} />
      <span className={classes.epoch}>{'epoch' in line && line.epoch !== undefined ? `epoch ${line.epoch}` : ''}</span>
    </li>
  );
}

function What({ line }: { line: Line }) {
  if (line.kind === 'missed') return <strong>Events were missed; the numbers above are right all the same.</strong>;
  if (line.kind === 'campaign') return <strong>{changeWords(line)}</strong>;
  const { color, label } = OUTCOME_LOOKS[line.outcome];
  return (
    <span className={classes.what}>
      <Badge size="sm" variant="light" color={color}>
        {label}
      </Badge>
      <span className={classes.who}>{line.deliveryId ?? (line.count === 1 ? '1 delivery' : `${number(line.count)} deliveries`)}</span>
    </span>
  );
}

function changeWords(line: Line & { kind: 'campaign' }): string {
  if (line.paused === true) return 'Paused';
  if (line.paused === false) return `Resumed in epoch ${line.epoch ?? '?'}`;
  return CAMPAIGN_LOOKS[line.status].label;
}

const OUTCOME_LOOKS: Record<FeedOutcome, { color: string; label: string }> = {
  PENDING: { color: 'blue', label: 'To be tried again' },
  IN_PROGRESS: { color: 'blue', label: 'Claimed' },
  SENDING: { color: 'blue', label: 'Sending' },
  SUCCESS: { color: 'green', label: 'Sent' },
  FAILED: { color: 'red', label: 'Failed' },
  CANCELLED: { color: 'gray', label: 'Cancelled' },
  UNKNOWN: { color: 'orange', label: 'Unknown' },
  REJECTED_STALE: { color: 'violet', label: 'Stale, bounced' },
  ACKNOWLEDGED: { color: 'green', label: 'Installed' },
  INSTALL_FAILED: { color: 'red', label: 'Install failed' },
  ON_AIR: { color: 'marquee', label: 'On air' },
  OFF_AIR: { color: 'gray', label: 'Off air' },
  REVOKED: { color: 'gray', label: 'Taken off' },
};

/** The time of day to the millisecond: what is compared here lies close together. */
function clock(ts: number): string {
  const at = new Date(ts);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

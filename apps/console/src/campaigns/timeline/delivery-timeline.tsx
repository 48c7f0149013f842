import { Group, Skeleton, Stack, Text, Timeline } from '@mantine/core';
import type { TimelineEntry, TimelineWord } from '@marquee/contracts';
import { useQuery } from '@tanstack/react-query';
import { queries } from '../../api/queries.js';
import { number } from '../../parts/pager.js';
import table from '../../parts/table.module.css';
import { Trouble } from '../../parts/trouble.js';

const LOOK_MS = 3_000;

const WORDS: Record<TimelineWord, string> = {
  targeted: 'Targeted',
  claimed: 'Claimed',
  begun: 'Begun',
  sent: 'Sent',
  settled: 'Settled',
  rescued: 'Rescued',
  rewound: 'Rewound',
  returned: 'Returned',
  retried: 'Retried',
  acknowledged: 'Acknowledged',
  played: 'On air',
  off_air: 'Off air',
  error: 'The screen reported an error',
  revoked: 'Taken off by the screen',
  clicked: 'Clicked',
};

const BAD: readonly TimelineEntry['outcome'][] = ['FAILED', 'UNKNOWN', 'REJECTED_STALE'];

const clock = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** All that happened to one delivery, the first thing first; asked for again while somebody reads it. */
export function DeliveryTimeline({ id }: { id: string }) {
  const answer = useQuery({ ...queries.delivery(id), refetchInterval: LOOK_MS });
  if (answer.isPending) return <Skeleton height={240} radius="md" aria-label="Loading the timeline" />;
  if (answer.data === undefined)
    return (
      <Trouble
        title="The timeline could not be read"
        error={answer.error}
        onRetry={() => void answer.refetch()}
        retrying={answer.isFetching}
      />
    );
  const { timeline, plays } = answer.data;
  return (
    <Stack gap="md">
      {answer.isError && <Trouble title="What you see may be out of date" error={answer.error} />}
      <Timeline active={timeline.length} bulletSize={14} lineWidth={2} aria-label="Timeline">
        {timeline.map((entry, index) => (
          <Timeline.Item key={index} color={colorOf(entry)} title={<Title entry={entry} />}>
            <Details entry={entry} />
          </Timeline.Item>
        ))}
      </Timeline>
      {plays !== null && (
        <Text size="sm" c="dimmed">
          {number(plays.count)} {plays.count === 1 ? 'play' : 'plays'} by the screen’s own log
        </Text>
      )}
    </Stack>
  );
}

function colorOf({ what, outcome }: TimelineEntry): string {
  if (what === 'error' || BAD.includes(outcome)) return 'red';
  if (what === 'rescued' || what === 'rewound' || what === 'returned') return 'orange';
  if (outcome === 'SUCCESS' || what === 'acknowledged') return 'green';
  return 'gray';
}

/** Ids made at the same time begin alike. */
function endOf(assetId: string): string {
  return assetId.slice(-8);
}

function Title({ entry: { at, what, outcome } }: { entry: TimelineEntry }) {
  return (
    <Group justify="space-between" gap="xs" wrap="nowrap" align="baseline">
      <Text size="sm" fw={600}>
        {WORDS[what]}
        {outcome !== undefined && ` → ${outcome}`}
      </Text>
      <Text size="xs" c="dimmed" component="time" dateTime={new Date(at).toISOString()} ta="end" flex="none">
        {clock.format(at)}
      </Text>
    </Group>
  );
}

function Details({ entry }: { entry: TimelineEntry }) {
  const { what, attempt, epoch, version, worker, reason, assetId, label, play } = entry;
  const about = [
    ...(attempt === undefined ? [] : [`attempt ${attempt}`]),
    ...(epoch === undefined ? [] : [`epoch ${epoch}`]),
    ...(version === undefined ? [] : [`version ${version}`]),
    ...(worker === undefined ? [] : [`${what === 'rescued' ? 'it was' : 'by'} ${worker}`]),
    ...(assetId === undefined ? [] : [`asset ${endOf(assetId)}`]),
    ...(label === undefined ? [] : [label === 'bot' ? 'by a bot' : 'again']),
  ].join(' · ');
  return (
    <>
      {about !== '' && (
        <Text size="xs" c="dimmed" className={table.words ?? ''}>
          {about}
        </Text>
      )}
      {play !== undefined && (
        <Text size="xs" c="dimmed" className={table.words ?? ''}>
          the screen showed {endOf(play.assetId)} from {time.format(play.startedAt)} to {time.format(play.startedAt + play.durationMs)}
        </Text>
      )}
      {reason !== undefined && (
        <Text size="xs" c="red" className={table.words ?? ''}>
          {reason}
        </Text>
      )}
    </>
  );
}

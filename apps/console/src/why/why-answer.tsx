import { Badge, Group, List, Skeleton, Stack, Text } from '@mantine/core';
import type { WhyView } from '@marquee/contracts';
import { useQuery } from '@tanstack/react-query';
import { queries } from '../api/queries.js';
import { LinkAnchor } from '../parts/link-anchor.js';
import table from '../parts/table.module.css';
import { formatTime, Time } from '../parts/time.js';
import { Trouble } from '../parts/trouble.js';

const LOOK_MS = 3_000;

/** The reason as it is now, asked for again while somebody reads it. */
export function WhyAnswer({ campaignId, deviceId }: { campaignId: string; deviceId: string }) {
  const answer = useQuery({ ...queries.why(campaignId, deviceId), refetchInterval: LOOK_MS });
  if (answer.isPending) return <Skeleton height={96} radius="md" aria-label="Asking why" />;
  if (answer.data === undefined)
    return (
      <Trouble title="It could not be found out" error={answer.error} onRetry={() => void answer.refetch()} retrying={answer.isFetching} />
    );
  return (
    <Stack gap="md">
      {answer.isError && <Trouble title="What you see may be out of date" error={answer.error} />}
      <Reason why={answer.data} />
    </Stack>
  );
}

function Reason({ why }: { why: WhyView }) {
  const { sentence, since, next, facts } = why;
  return (
    <>
      <Stack gap="xs" align="flex-start" role="status">
        <Standing why={why} />
        <Text size="lg" fw={550} lh={1.4} className={table.words ?? ''}>
          {inLocalTime(sentence)}
        </Text>
      </Stack>
      {(since !== null || next !== null || facts.rival !== null) && (
        <Group gap="xl">
          {since !== null && <Moment name="Since" at={since} />}
          {next !== null && <Moment name="Next" at={next} />}
          {facts.rival !== null && (
            <div>
              <Text size="xs" c="dimmed">
                Due on the screen now
              </Text>
              <LinkAnchor to="/console/campaigns/$id" params={{ id: facts.rival.campaignId }} size="sm" lineClamp={2}>
                {facts.rival.name}
              </LinkAnchor>
            </div>
          )}
        </Group>
      )}
      {facts.also.length > 0 && (
        <div>
          <Text size="xs" c="dimmed" mb={4}>
            Also
          </Text>
          <List size="sm" spacing={4}>
            {facts.also.map((also) => (
              <List.Item key={also} className={table.words ?? ''}>
                {inLocalTime(also)}
              </List.Item>
            ))}
          </List>
        </div>
      )}
    </>
  );
}

/** Moments in UTC as the reader's own; what is said in the zone of a campaign stays so. */
function inLocalTime(sentence: string): string {
  return sentence.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, (moment) => formatTime(Date.parse(moment)));
}

function Moment({ name, at }: { name: string; at: number }) {
  return (
    <div>
      <Text size="xs" c="dimmed">
        {name}
      </Text>
      <Time at={at} />
    </div>
  );
}

function Standing({ why }: { why: WhyView }) {
  if (why.playing)
    return (
      <Badge variant="light" color="green">
        Playing
      </Badge>
    );
  if (why.reason === 'offline')
    return (
      <Badge variant="light" color="gray">
        Not heard from
      </Badge>
    );
  return (
    <Badge variant="light" color="yellow">
      Not playing
    </Badge>
  );
}

import { Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { usePollWhileDown } from '../api/live.js';
import { queries } from '../api/queries.js';
import { Section } from '../parts/section.js';
import { Time } from '../parts/time.js';
import { Trouble } from '../parts/trouble.js';
import { OutageTable } from './outage-table.js';
import { SnoozeMenu } from './snooze-menu.js';

const SHOWN = 5;

/** The last times that a screen was missed, and whether it is snoozed; for the screen's own page. */
export function ScreenAlerts({ id }: { id: string }) {
  const refetchInterval = usePollWhileDown();
  const outages = useQuery({ ...queries.outages({ deviceId: id, offset: 0, limit: SHOWN }), refetchInterval });
  const snooze = useQuery({ ...queries.screenSnooze(id), refetchInterval });
  const until = snooze.data?.until ?? null;
  return (
    <Section
      title="Alerts"
      hint="The last times it was offline for longer than a rule allows."
      action={
        <Group gap="sm">
          {until !== null && (
            <Text size="xs" c="dimmed">
              snooze ends <Time at={until} brief size="xs" />
            </Text>
          )}
          <SnoozeMenu what="screenSnooze" id={id} snoozed={until !== null} label={id} />
        </Group>
      }
    >
      {outages.isError && <Trouble title="The outages could not be read" error={outages.error} onRetry={() => void outages.refetch()} />}
      {outages.data?.total === 0 && (
        <Text size="sm" c="dimmed">
          No rule has missed it so far.
        </Text>
      )}
      {outages.data !== undefined && outages.data.total > 0 && (
        <OutageTable outages={outages.data.data} stale={outages.isPlaceholderData} ofScreen />
      )}
    </Section>
  );
}

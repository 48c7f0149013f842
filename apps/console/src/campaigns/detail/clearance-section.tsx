import { Group, Progress, Skeleton, Text } from '@mantine/core';
import type { Clearance } from '@marquee/contracts';
import { IconCircleCheck } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { queries } from '../../api/queries.js';
import { number } from '../../parts/pager.js';
import { Section } from '../../parts/section.js';
import { Time } from '../../parts/time.js';
import { Trouble } from '../../parts/trouble.js';
import { UnclearScreens } from './unclear-screens.js';

const WATCH_MS = 3_000;

/** After a cancel: which screens are proven to be clear of the campaign. */
export function ClearanceSection({ id }: { id: string }) {
  const clearance = useQuery({
    ...queries.clearance(id),
    refetchInterval: ({ state }) => (state.data !== undefined && isClear(state.data) ? false : WATCH_MS),
  });
  return (
    <Section title="Clearance" hint="Which screens are clear of it, by their own word.">
      {clearance.isPending && <Skeleton height={60} />}
      {clearance.isError && clearance.data === undefined && (
        <Trouble title="The clearance could not be read" error={clearance.error} onRetry={() => void clearance.refetch()} />
      )}
      {clearance.data !== undefined && <Standing clearance={clearance.data} />}
      {clearance.data !== undefined && !isClear(clearance.data) && <UnclearScreens id={id} />}
    </Section>
  );
}

function isClear({ dirty, unreachable }: Clearance): boolean {
  return dirty === 0 && unreachable === 0;
}

function Standing({ clearance }: { clearance: Clearance }) {
  const { clean, dirty, unreachable, latestEnd } = clearance;
  const total = clean + dirty + unreachable;
  if (isClear(clearance)) {
    return (
      <Group gap="xs" c="green" role="status">
        <IconCircleCheck size={20} aria-hidden />
        <Text size="sm" fw={600}>
          {clean === 0 ? 'No screen ever held it.' : `All ${number(clean)} screens are clear.`}
        </Text>
      </Group>
    );
  }
  return (
    <>
      <Progress.Root size={14} radius="sm" role="img" aria-label={`${clean} clear, ${dirty} not yet, ${unreachable} offline, of ${total}`}>
        <Progress.Section value={(clean / total) * 100} color="green.6" withAria={false} />
        <Progress.Section value={(dirty / total) * 100} color="orange.5" withAria={false} />
        <Progress.Section value={(unreachable / total) * 100} color="gray.5" withAria={false} />
      </Progress.Root>
      <Group gap="6px 24px" role="status">
        <Text size="sm">
          <b data-figure="clean">{number(clean)}</b> clear
        </Text>
        <Text size="sm">
          <b data-figure="dirty">{number(dirty)}</b> online, have not answered yet
        </Text>
        <Text size="sm">
          <b data-figure="unreachable">{number(unreachable)}</b> offline, told when they are back
        </Text>
      </Group>
      {latestEnd !== null && (
        <Text size="sm" c="dimmed">
          A copy that cannot be reached ends by itself at the latest: <Time at={latestEnd} />
        </Text>
      )}
    </>
  );
}

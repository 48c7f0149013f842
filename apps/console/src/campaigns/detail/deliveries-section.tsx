import { Button, Group, Paper, Select, Text, Title } from '@mantine/core';
import { DELIVERY_STATES, type DeliveryState } from '@marquee/contracts';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { usePollWhileDown } from '../../api/live.js';
import { queries } from '../../api/queries.js';
import { number } from '../../parts/pager.js';
import { RowSkeletons } from '../../parts/row-skeletons.js';
import { DELIVERY_LOOKS } from '../../parts/status.js';
import { Trouble } from '../../parts/trouble.js';
import { AskWhy } from '../../why/why-button.js';
import { DeliveryTable } from './delivery-table.js';

const route = getRouteApi('/console/campaigns/$id');
const PAGE_SIZE = 20;
const STATES = DELIVERY_STATES.map((state) => ({ value: state, label: DELIVERY_LOOKS[state].label }));

export function DeliveriesSection({ id }: { id: string }) {
  const { deliveries: status } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Paper component="section" aria-labelledby="deliveries-title">
      <Group justify="space-between" px={{ base: 'md', sm: 'lg' }} pt={{ base: 'md', sm: 'lg' }} pb="xs">
        <Title order={2} id="deliveries-title">
          Deliveries
        </Title>
        <Group gap="sm">
          <AskWhy campaignId={id} />
          <Select
            aria-label="State"
            placeholder="Any state"
            data={STATES}
            value={status ?? null}
            onChange={(value) => {
              const next = DELIVERY_STATES.find((state) => state === value);
              void navigate({ search: next === undefined ? {} : { deliveries: next }, replace: true, resetScroll: false });
            }}
            clearable
            w={170}
          />
        </Group>
      </Group>
      <DeliveryPages key={`${id} ${status ?? ''}`} id={id} status={status} />
    </Paper>
  );
}

/** Pages by cursor: those walked through are remembered, so that one can go back. */
function DeliveryPages({ id, status }: { id: string; status: DeliveryState | undefined }) {
  const [walked, setWalked] = useState<string[]>([]);
  const refetchInterval = usePollWhileDown();
  const page = useQuery({ ...queries.deliveries(id, { status, cursor: walked.at(-1), limit: PAGE_SIZE }), refetchInterval });
  if (page.isPending) return <RowSkeletons rows={4} label="Loading the deliveries" />;
  if (page.data === undefined) {
    return (
      <Group p="lg" grow>
        <Trouble
          title="The deliveries could not be read"
          error={page.error}
          onRetry={() => void page.refetch()}
          retrying={page.isFetching}
        />
      </Group>
    );
  }
  const { data, total, nextCursor } = page.data;
  if (data.length === 0 && walked.length === 0) {
    return (
      <Text size="sm" c="dimmed" px={{ base: 'md', sm: 'lg' }} pb="lg">
        {status === undefined ? 'None yet.' : 'None in this state.'}
      </Text>
    );
  }
  const next = nextCursor;
  return (
    <>
      <DeliveryTable deliveries={data} stale={page.isPlaceholderData} />
      <Group justify="space-between" px={{ base: 'md', sm: 'lg' }} py="sm">
        <Text size="sm" c="dimmed">
          {number(total)} {total === 1 ? 'delivery' : 'deliveries'}
        </Text>
        {(walked.length > 0 || next !== null) && (
          <Group gap="xs">
            <Button
              size="xs"
              variant="default"
              leftSection={<IconChevronLeft size={15} />}
              disabled={walked.length === 0}
              onClick={() => setWalked(walked.slice(0, -1))}
            >
              Back
            </Button>
            <Button
              size="xs"
              variant="default"
              rightSection={<IconChevronRight size={15} />}
              disabled={next === null || page.isPlaceholderData}
              onClick={() => next !== null && setWalked([...walked, next])}
            >
              Next
            </Button>
          </Group>
        )}
      </Group>
    </>
  );
}

import { Group, Select, Text } from '@mantine/core';
import { DELIVERY_STATES, type DeliveryState } from '@marquee/contracts';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { usePollWhileDown } from '../../api/live.js';
import { queries } from '../../api/queries.js';
import { ListSection, NothingYet, WalkButtons } from '../../parts/list-section.js';
import { number } from '../../parts/pager.js';
import { RowSkeletons } from '../../parts/row-skeletons.js';
import { DELIVERY_LOOKS, SENDING_LOOKS } from '../../parts/status.js';
import { Trouble } from '../../parts/trouble.js';
import { AskWhy } from '../../why/why-button.js';
import { RecipientTable } from '../sending/recipient-table.js';
import { DeliveryTable } from './delivery-table.js';

const route = getRouteApi('/console/campaigns/$id');
const PAGE_SIZE = 20;
const statesOf = (screens: boolean) =>
  DELIVERY_STATES.map((state) => ({ value: state, label: (screens ? DELIVERY_LOOKS : SENDING_LOOKS)[state].label }));

/** `screens`: whether its recipients are screens. */
export function DeliveriesSection({ id, screens }: { id: string; screens: boolean }) {
  const { deliveries: status } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <ListSection
      id="deliveries-title"
      title="Deliveries"
      action={
        <Group gap="sm">
          {screens && <AskWhy campaignId={id} />}
          <Select
            aria-label="State"
            placeholder="Any state"
            data={statesOf(screens)}
            value={status ?? null}
            onChange={(value) => {
              const next = DELIVERY_STATES.find((state) => state === value);
              void navigate({ search: next === undefined ? {} : { deliveries: next }, replace: true, resetScroll: false });
            }}
            clearable
            w={170}
          />
        </Group>
      }
    >
      <DeliveryPages key={`${id} ${status ?? ''}`} id={id} status={status} screens={screens} />
    </ListSection>
  );
}

/** Pages by cursor: those walked through are remembered, so that one can go back. */
function DeliveryPages({ id, status, screens }: { id: string; status: DeliveryState | undefined; screens: boolean }) {
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
    return <NothingYet>{status === undefined ? 'None yet.' : 'None in this state.'}</NothingYet>;
  }
  const Rows = screens ? DeliveryTable : RecipientTable;
  return (
    <>
      <Rows deliveries={data} stale={page.isPlaceholderData} />
      <Group justify="space-between" px={{ base: 'md', sm: 'lg' }} py="sm">
        <Text size="sm" c="dimmed">
          {number(total)} {total === 1 ? 'delivery' : 'deliveries'}
        </Text>
        <WalkButtons walked={walked} next={nextCursor} loading={page.isPlaceholderData} onWalk={setWalked} />
      </Group>
    </>
  );
}

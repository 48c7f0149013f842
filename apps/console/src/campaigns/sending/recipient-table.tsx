import { Box, Table, Text } from '@mantine/core';
import type { DeliveryView } from '@marquee/contracts';
import { DeliveryBadge, SENDING_LOOKS } from '../../parts/status.js';
import table from '../../parts/table.module.css';
import { Time } from '../../parts/time.js';
import { TimelineButton } from '../timeline/timeline-button.js';

/** Deliveries to recipients that are no screens. */
export function RecipientTable({ deliveries, stale }: { deliveries: DeliveryView[]; stale: boolean }) {
  return (
    <Table className={`${table.narrow} ${stale ? table.stale : ''}`} aria-label="Deliveries" horizontalSpacing="lg">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Recipient</Table.Th>
          <Table.Th>State</Table.Th>
          <Table.Th visibleFrom="sm">Attempts</Table.Th>
          <Table.Th visibleFrom="md">Epoch</Table.Th>
          <Table.Th visibleFrom="sm">Ended</Table.Th>
          <Table.Th visibleFrom="sm">Last error</Table.Th>
          <Table.Th aria-label="Timeline" />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {deliveries.map((delivery) => (
          <Table.Tr key={delivery.id}>
            <Table.Td className={table.words ?? ''}>
              {delivery.recipient}
              <Box hiddenFrom="sm">
                <LastError delivery={delivery} />
              </Box>
            </Table.Td>
            <Table.Td>
              <DeliveryBadge state={delivery.status} looks={SENDING_LOOKS} />
            </Table.Td>
            <Table.Td visibleFrom="sm">{delivery.attempt}</Table.Td>
            <Table.Td visibleFrom="md">{delivery.epoch}</Table.Td>
            <Table.Td visibleFrom="sm">
              <Time at={delivery.settledAt} brief past />
            </Table.Td>
            <Table.Td visibleFrom="sm">
              <LastError delivery={delivery} />
            </Table.Td>
            <Table.Td ta="end">
              <TimelineButton id={delivery.id} recipient={delivery.recipient} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function LastError({ delivery: { lastError, status } }: { delivery: DeliveryView }) {
  if (lastError === null || status === 'SUCCESS') return null;
  return (
    <Text size="xs" c="red" className={table.words ?? ''}>
      {lastError}
    </Text>
  );
}

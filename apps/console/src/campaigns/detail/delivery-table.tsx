import { Box, Group, Table, Text } from '@mantine/core';
import type { DeliveryView } from '@marquee/contracts';
import { ScreenLink } from '../../parts/screen-link.js';
import { DeliveryBadge } from '../../parts/status.js';
import table from '../../parts/table.module.css';
import { Time } from '../../parts/time.js';
import { WhyButton } from '../../why/why-button.js';
import { TimelineButton } from '../timeline/timeline-button.js';

export function DeliveryTable({ deliveries, stale }: { deliveries: DeliveryView[]; stale: boolean }) {
  return (
    <Table className={stale ? (table.stale ?? '') : ''} aria-label="Deliveries" horizontalSpacing="lg">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Screen</Table.Th>
          <Table.Th>State</Table.Th>
          <Table.Th visibleFrom="md">Attempts</Table.Th>
          <Table.Th visibleFrom="md">Offers</Table.Th>
          <Table.Th visibleFrom="sm">Installed</Table.Th>
          <Table.Th visibleFrom="sm">Last word</Table.Th>
          <Table.Th visibleFrom="sm" aria-label="Why" />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {deliveries.map((delivery) => (
          <DeliveryRow key={delivery.id} delivery={delivery} />
        ))}
      </Table.Tbody>
    </Table>
  );
}

function DeliveryRow({ delivery }: { delivery: DeliveryView }) {
  return (
    <Table.Tr>
      <Table.Td>
        <ScreenLink id={delivery.recipient} />
        <Box hiddenFrom="sm">
          <LastWord delivery={delivery} />
          <Box mt={6}>
            <Why delivery={delivery} />
          </Box>
        </Box>
      </Table.Td>
      <Table.Td>
        <DeliveryBadge state={delivery.status} />
      </Table.Td>
      <Table.Td visibleFrom="md">{delivery.attempt}</Table.Td>
      <Table.Td visibleFrom="md">{delivery.offers}</Table.Td>
      <Table.Td visibleFrom="sm">{delivery.acknowledgedAt === null ? <Dash /> : <Time at={delivery.acknowledgedAt} brief />}</Table.Td>
      <Table.Td visibleFrom="sm">
        <LastWord delivery={delivery} />
      </Table.Td>
      <Table.Td visibleFrom="sm" ta="end">
        <Why delivery={delivery} />
      </Table.Td>
    </Table.Tr>
  );
}

function Why({ delivery }: { delivery: DeliveryView }) {
  return (
    <Group gap={6} justify="end" wrap="nowrap" display="inline-flex">
      <WhyButton campaignId={delivery.campaignId} deviceId={delivery.recipient} about={delivery.recipient} />
      <TimelineButton id={delivery.id} recipient={delivery.recipient} />
    </Group>
  );
}

function Dash() {
  return (
    <Text span c="dimmed" size="sm">
      –
    </Text>
  );
}

/** The most telling thing known of a delivery: a trouble first, else where the screen stands. */
function LastWord({ delivery }: { delivery: DeliveryView }) {
  const { installError, lastError } = delivery;
  if (installError !== null && delivery.acknowledgedAt === null) return <Line color="red" text={`Install failed: ${installError}`} />;
  if (lastError !== null && delivery.status !== 'SUCCESS') return <Line color="red" text={lastError} />;
  if (delivery.revokeAckedAt !== null) return <Line color="dimmed" text="Took it off" />;
  if (delivery.onAir) return <Line color="marquee" text="On air" />;
  if (delivery.acknowledgedAt !== null) return <Line color="dimmed" text="Installed" />;
  return <Dash />;
}

function Line({ color, text }: { color: string; text: string }) {
  return (
    <Text size="xs" c={color} className={table.words ?? ''}>
      {text}
    </Text>
  );
}

import { Badge, Box, Table, Text } from '@mantine/core';
import type { OutageView } from '@marquee/contracts';
import { ScreenLink } from '../parts/screen-link.js';
import table from '../parts/table.module.css';
import { Time } from '../parts/time.js';
import { SnoozeMenu } from './snooze-menu.js';
import { durationOf, END_WORDS } from './words.js';

/** Outages; on a screen's own page without the screen. */
export function OutageTable({ outages, stale, ofScreen = false }: { outages: OutageView[]; stale: boolean; ofScreen?: boolean }) {
  return (
    <Table className={`${table.narrow ?? ''} ${stale ? (table.stale ?? '') : ''}`} aria-label="Outages">
      <Table.Thead>
        <Table.Tr>
          {!ofScreen && <Table.Th>Screen</Table.Th>}
          <Table.Th>Offline</Table.Th>
          <Table.Th visibleFrom="sm">Rule</Table.Th>
          <Table.Th visibleFrom="sm">Notices</Table.Th>
          {!ofScreen && <Table.Th visibleFrom="sm" aria-label="Actions" />}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {outages.map((outage) => (
          <OutageRow key={outage.id} outage={outage} ofScreen={ofScreen} />
        ))}
      </Table.Tbody>
    </Table>
  );
}

function OutageRow({ outage, ofScreen }: { outage: OutageView; ofScreen: boolean }) {
  const { deviceId, groupId, snoozedUntil, state, ruleName } = outage;
  const snooze = state === 'open' && <SnoozeMenu what="screenSnooze" id={deviceId} snoozed={snoozedUntil !== null} label={deviceId} />;
  return (
    <Table.Tr>
      {!ofScreen && (
        <Table.Td>
          <ScreenLink id={deviceId} />
          <Text size="xs" c="dimmed">
            {groupId}
          </Text>
          <Box hiddenFrom="sm">
            <Told outage={outage} />
            <Box mt={6}>{snooze}</Box>
          </Box>
        </Table.Td>
      )}
      <Table.Td>
        <Away outage={outage} />
      </Table.Td>
      <Table.Td visibleFrom="sm">
        <Text size="sm" className={table.words ?? ''}>
          {ruleName}
        </Text>
      </Table.Td>
      <Table.Td visibleFrom="sm">
        <Told outage={outage} />
      </Table.Td>
      {!ofScreen && (
        <Table.Td visibleFrom="sm" ta="right">
          {snooze}
        </Table.Td>
      )}
    </Table.Tr>
  );
}

function Away({ outage: { since, closedAt, endedBy } }: { outage: OutageView }) {
  if (closedAt === null || endedBy === null) return <Time at={since} stacked />;
  return (
    <>
      <Text size="sm">for {durationOf(closedAt - since)}</Text>
      <Text size="xs" c="dimmed">
        {END_WORDS[endedBy]} <Time at={closedAt} brief size="xs" />
      </Text>
    </>
  );
}

function Told({ outage: { noticed, snoozedUntil, state } }: { outage: OutageView }) {
  if (noticed)
    return (
      <Badge variant="light" color={state === 'open' ? 'red' : 'gray'}>
        Notice made
      </Badge>
    );
  if (state === 'open' && snoozedUntil !== null)
    return (
      <>
        <Badge variant="light" color="yellow">
          Snoozed
        </Badge>
        <Text size="xs" c="dimmed">
          ends <Time at={snoozedUntil} brief size="xs" />
        </Text>
      </>
    );
  return (
    <Text size="sm" c="dimmed">
      this page only
    </Text>
  );
}

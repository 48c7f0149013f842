import { Box, Table, Text } from '@mantine/core';
import type { ScreenView } from '@marquee/contracts';
import { ClockMark } from '../parts/clock.js';
import { LinkAnchor } from '../parts/link-anchor.js';
import { ScreenLink } from '../parts/screen-link.js';
import { ScreenDot } from '../parts/status.js';
import table from '../parts/table.module.css';
import { Dash, Tags } from '../parts/tags.js';
import { Time } from '../parts/time.js';

export function ScreenTable({ screens, stale }: { screens: ScreenView[]; stale: boolean }) {
  return (
    <Table className={stale ? (table.stale ?? '') : ''} aria-label="Screens">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Screen</Table.Th>
          <Table.Th>Status</Table.Th>
          <Table.Th visibleFrom="sm">Group</Table.Th>
          <Table.Th visibleFrom="md">Tags</Table.Th>
          <Table.Th visibleFrom="sm">Last seen</Table.Th>
          <Table.Th visibleFrom="sm">Now playing</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {screens.map((screen) => (
          <ScreenRow key={screen.deviceId} screen={screen} />
        ))}
      </Table.Tbody>
    </Table>
  );
}

function ScreenRow({ screen }: { screen: ScreenView }) {
  return (
    <Table.Tr>
      <Table.Td>
        <ScreenLink id={screen.deviceId} />
        <Box hiddenFrom="sm">
          <Text size="xs" c="dimmed" component="div">
            {screen.groupId}
            {screen.groupId !== null && screen.lastSeen !== null && ' · '}
            {screen.lastSeen !== null && <Time at={screen.lastSeen} brief size="xs" />}
          </Text>
          <NowPlaying screen={screen} />
        </Box>
      </Table.Td>
      <Table.Td>
        <ScreenDot status={screen.status} />
        <ClockMark offsetMs={screen.clockOffsetMs} />
      </Table.Td>
      <Table.Td visibleFrom="sm">{screen.groupId === null ? <Dash /> : <div className={table.words}>{screen.groupId}</div>}</Table.Td>
      <Table.Td visibleFrom="md">
        <Tags tags={screen.tags} />
      </Table.Td>
      <Table.Td visibleFrom="sm">
        {screen.lastSeen === null ? (
          <Text size="sm" c="dimmed">
            never
          </Text>
        ) : (
          <Time at={screen.lastSeen} brief />
        )}
      </Table.Td>
      <Table.Td visibleFrom="sm">{screen.nowPlaying === null ? <Dash /> : <NowPlaying screen={screen} />}</Table.Td>
    </Table.Tr>
  );
}

function NowPlaying({ screen: { nowPlaying } }: { screen: ScreenView }) {
  if (nowPlaying === null) return null;
  return (
    <LinkAnchor to="/console/campaigns/$id" params={{ id: nowPlaying.campaignId }} size="sm" lineClamp={1} maw={280}>
      {nowPlaying.name}
    </LinkAnchor>
  );
}

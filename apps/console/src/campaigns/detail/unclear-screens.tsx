import { Group, Table, Text } from '@mantine/core';
import type { UnclearScreen } from '@marquee/contracts';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { queries } from '../../api/queries.js';
import { ScreenLink } from '../../parts/screen-link.js';
import { Walk } from '../../parts/list-section.js';
import { number } from '../../parts/pager.js';
import table from '../../parts/table.module.css';
import { Time } from '../../parts/time.js';
import { Trouble } from '../../parts/trouble.js';

const PAGE_SIZE = 10;
const WATCH_MS = 3_000;

/** Which screens may still have a cancelled campaign, and until when. */
export function UnclearScreens({ id }: { id: string }) {
  const [walked, setWalked] = useState<string[]>([]);
  const page = useQuery({ ...queries.unclearScreens(id, { cursor: walked.at(-1), limit: PAGE_SIZE }), refetchInterval: WATCH_MS });
  if (page.isPending) return null;
  if (page.data === undefined)
    return <Trouble title="The screens could not be read" error={page.error} onRetry={() => void page.refetch()} />;
  const { data, total, nextCursor } = page.data;
  return (
    <div>
      <Table
        className={`${table.narrow ?? ''} ${page.isPlaceholderData ? (table.stale ?? '') : ''}`}
        aria-label="Screens that are not clear"
      >
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Screen</Table.Th>
            <Table.Th>Now</Table.Th>
            <Table.Th visibleFrom="sm">Has version</Table.Th>
            <Table.Th>Ends by itself</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {data.map((screen) => (
            <Row key={screen.deviceId} screen={screen} />
          ))}
        </Table.Tbody>
      </Table>
      <Group justify="space-between">
        <Text size="sm" c="dimmed" role="status" pt="sm">
          {number(total)} {total === 1 ? 'screen is' : 'screens are'} not clear
        </Text>
        <Walk walked={walked} next={nextCursor} loading={page.isPlaceholderData} onWalk={setWalked} />
      </Group>
    </div>
  );
}

function Row({ screen }: { screen: UnclearScreen }) {
  return (
    <Table.Tr>
      <Table.Td>
        <ScreenLink id={screen.deviceId} />
      </Table.Td>
      <Table.Td>
        {screen.state === 'dirty' ? (
          <Text size="sm">online, has not answered yet</Text>
        ) : screen.offlineSince === null ? (
          <Text size="sm">not registered</Text>
        ) : (
          <Text size="sm" component="div">
            offline since <Time at={screen.offlineSince} brief />
          </Text>
        )}
      </Table.Td>
      <Table.Td visibleFrom="sm">{screen.version ?? 'not known'}</Table.Td>
      <Table.Td>
        <Time at={screen.endsAt} stacked />
      </Table.Td>
    </Table.Tr>
  );
}

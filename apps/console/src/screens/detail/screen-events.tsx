import { Group, Table, Text } from '@mantine/core';
import type { StoredEvent } from '@marquee/contracts';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { queries } from '../../api/queries.js';
import { LinkAnchor } from '../../parts/link-anchor.js';
import { number } from '../../parts/pager.js';
import { RowSkeletons } from '../../parts/row-skeletons.js';
import table from '../../parts/table.module.css';
import { Time } from '../../parts/time.js';
import { Trouble } from '../../parts/trouble.js';
import { ListSection, NothingYet, Walk } from '../../parts/list-section.js';
import { eventWords } from './words.js';

const PAGE_SIZE = 10;
const LOOK_MS = 5_000;

/** What the screen said, as it was stored. */
export function ScreenEvents({ id }: { id: string }) {
  const [walked, setWalked] = useState<string[]>([]);
  const page = useQuery({ ...queries.screenEvents(id, { cursor: walked.at(-1), limit: PAGE_SIZE }), refetchInterval: LOOK_MS });
  return (
    <ListSection id="screen-events" title="Last events">
      {page.isPending && <RowSkeletons rows={3} label="Loading the events of the screen" />}
      {page.isError && page.data === undefined && (
        <Group p="lg" grow>
          <Trouble title="Its events could not be read" error={page.error} onRetry={() => void page.refetch()} />
        </Group>
      )}
      {page.data?.data.length === 0 && <NothingYet>It has said nothing yet.</NothingYet>}
      {page.data !== undefined && page.data.data.length > 0 && (
        <>
          <Rows events={page.data.data} stale={page.isPlaceholderData} />
          <Walk walked={walked} next={page.data.nextCursor} loading={page.isPlaceholderData} onWalk={setWalked} />
        </>
      )}
    </ListSection>
  );
}

function Rows({ events, stale }: { events: StoredEvent[]; stale: boolean }) {
  return (
    <Table className={stale ? (table.stale ?? '') : ''} aria-label="Events of the screen" horizontalSpacing="lg">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Event</Table.Th>
          <Table.Th>Campaign</Table.Th>
          <Table.Th visibleFrom="sm">By the screen’s clock</Table.Th>
          <Table.Th visibleFrom="md">Stored</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {events.map((event) => (
          <Table.Tr key={event.eventId}>
            <Table.Td>
              <Text size="sm" style={{ whiteSpace: 'nowrap' }} {...(event.eventType === 'ERROR' ? { c: 'red' } : {})}>
                {eventWords[event.eventType]}
                {event.plays !== null && `: ${number(event.plays)}`}
              </Text>
              {event.reason !== null && (
                <Text size="xs" c="red" className={table.words ?? ''}>
                  {event.reason}
                </Text>
              )}
            </Table.Td>
            <Table.Td>
              <LinkAnchor to="/console/campaigns/$id" params={{ id: event.campaignId }} size="sm" className={table.words ?? ''}>
                {event.campaign}
              </LinkAnchor>
            </Table.Td>
            <Table.Td visibleFrom="sm">{event.occurredAt === null ? '–' : <Time at={event.occurredAt} brief />}</Table.Td>
            <Table.Td visibleFrom="md">
              <Time at={event.storedAt} brief />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

import { Badge, Table, Text } from '@mantine/core';
import type { NoticeView } from '@marquee/contracts';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { usePollWhileDown } from '../api/live.js';
import { queries } from '../api/queries.js';
import { number, Pager } from '../parts/pager.js';
import { RowSkeletons } from '../parts/row-skeletons.js';
import { Section } from '../parts/section.js';
import table from '../parts/table.module.css';
import { Time } from '../parts/time.js';
import { Trouble } from '../parts/trouble.js';
import { KIND_WORDS, STATE_LOOKS } from './words.js';

const PAGE_SIZE = 10;

/** Who was told of what, and whether it arrived. */
export function NoticesSection() {
  const [page, setPage] = useState(1);
  const list = useQuery({ ...queries.notices({ offset: (page - 1) * PAGE_SIZE, limit: PAGE_SIZE }), refetchInterval: usePollWhileDown() });
  return (
    <Section title="Notices" hint="One line an addressee, and what became of it. A webhook that is down is tried again for a day.">
      {list.isError && <Trouble title="The notices could not be read" error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <RowSkeletons label="Loading the notices" rows={3} />}
      {list.data !== undefined && list.data.total === 0 && (
        <Text size="sm" c="dimmed">
          Nothing was sent yet.
        </Text>
      )}
      {list.data !== undefined && list.data.total > 0 && (
        <>
          <Table aria-label="Notices" className={list.isPlaceholderData ? (table.stale ?? '') : ''}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>About</Table.Th>
                <Table.Th visibleFrom="sm">To</Table.Th>
                <Table.Th>State</Table.Th>
                <Table.Th visibleFrom="sm">When</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {list.data.data.map((notice) => (
                <NoticeRow key={notice.id} notice={notice} />
              ))}
            </Table.Tbody>
          </Table>
          <Pager page={page} pageSize={PAGE_SIZE} total={list.data.total} noun="notices" onPage={setPage} />
        </>
      )}
    </Section>
  );
}

function NoticeRow({ notice }: { notice: NoticeView }) {
  const { kind, screens, named, way, target, state, attempts, lastError, createdAt, nextAttemptAt, ruleName } = notice;
  const look = STATE_LOOKS[state];
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={600}>
          {KIND_WORDS[kind]}
          {screens > 0 && `: ${screens === 1 ? (named[0] ?? '1 screen') : `${number(screens)} screens`}`}
        </Text>
        <Text size="xs" c="dimmed" lineClamp={1} className={table.words ?? ''}>
          {ruleName}
        </Text>
        <Text size="xs" c="dimmed" hiddenFrom="sm">
          by {way}
        </Text>
      </Table.Td>
      <Table.Td visibleFrom="sm">
        <Text size="sm" lineClamp={1} maw={260} style={{ wordBreak: 'break-all' }} title={target}>
          {target}
        </Text>
        <Text size="xs" c="dimmed">
          {way}
        </Text>
      </Table.Td>
      <Table.Td>
        <Badge variant="light" color={look.color}>
          {look.label}
        </Badge>
        {lastError !== null && (
          <Text size="xs" c="dimmed" className={table.words ?? ''}>
            {lastError}
            {attempts > 1 && ` (attempt ${attempts})`}
            {nextAttemptAt !== null && attempts > 0 && (
              <>
                , again <Time at={nextAttemptAt} brief size="xs" />
              </>
            )}
          </Text>
        )}
      </Table.Td>
      <Table.Td visibleFrom="sm">
        <Time at={createdAt} brief />
      </Table.Td>
    </Table.Tr>
  );
}

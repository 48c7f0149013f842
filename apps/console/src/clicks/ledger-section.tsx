import { Badge, Skeleton, Table, Text } from '@mantine/core';
import type { ClickLedger } from '@marquee/contracts';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { clickQueries } from '../api/clicks.js';
import { number, Pager } from '../parts/pager.js';
import { Section } from '../parts/section.js';
import table from '../parts/table.module.css';
import { Trouble } from '../parts/trouble.js';
import classes from './clicks.module.css';

export const LEDGER_MS = 5_000;
const PAGE_SIZE = 10;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** A day ago, the same all minute long. */
export function ledgerFrom(): number {
  return (Math.floor(Date.now() / MINUTE_MS) + 1) * MINUTE_MS - DAY_MS;
}

/** What became of every click that was accepted in the last 24 hours, minute by minute. */
export function LedgerSection() {
  const ledger = useQuery({ ...clickQueries.ledger({ from: ledgerFrom() }), refetchInterval: LEDGER_MS });
  return (
    <Section
      title="Ledger"
      hint="Accepted = stored + duplicates + dead + missing, in each minute of the last 24 hours. What is missing is on its way, or lost."
      action={
        ledger.data !== undefined && (
          <Badge variant="light" color={ledger.data.balanced ? 'green' : 'red'} data-balanced={ledger.data.balanced}>
            {ledger.data.balanced ? 'It balances' : 'It does not balance'}
          </Badge>
        )
      }
    >
      {ledger.isPending && <Skeleton height={120} />}
      {ledger.isError && ledger.data === undefined && (
        <Trouble title="The ledger could not be read" error={ledger.error} onRetry={() => void ledger.refetch()} />
      )}
      {ledger.data !== undefined && <Minutes ledger={ledger.data} />}
    </Section>
  );
}

function Minutes({ ledger: { minutes, total, lost } }: { ledger: ClickLedger }) {
  const [wanted, setPage] = useState(1);
  const page = Math.min(wanted, Math.max(1, Math.ceil(minutes.length / PAGE_SIZE)));
  const shown = minutes.toReversed().slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE);
  if (minutes.length === 0)
    return (
      <Text size="sm" c="dimmed">
        No click was accepted in this time.
      </Text>
    );
  return (
    <>
      {lost.atMost > 0 && (
        <Text size="sm" c="red" data-lost>
          {lost.atLeast === lost.atMost ? number(lost.atMost) : `Between ${number(lost.atLeast)} and ${number(lost.atMost)}`} clicks were
          lost with processes that were killed.
        </Text>
      )}
      <div>
        <div className={classes.scroll}>
          <Table aria-label="Ledger" className={table.narrow ?? ''}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Minute</Table.Th>
                {COLUMNS.map(({ key, name, place }) => (
                  <Table.Th key={key} ta="right" {...place}>
                    {name}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              <Table.Tr fw={650}>
                <Table.Td>24 hours</Table.Td>
                <Sums of={total} />
              </Table.Tr>
              {shown.map((minute) => (
                <Table.Tr key={minute.at}>
                  <Table.Td title={exact.format(minute.at)}>{brief.format(minute.at)}</Table.Td>
                  <Sums of={minute} />
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
        {minutes.length > PAGE_SIZE && <Pager page={page} pageSize={PAGE_SIZE} total={minutes.length} noun="minutes" onPage={setPage} />}
      </div>
    </>
  );
}

const COLUMNS = [
  { key: 'accepted', name: 'Accepted', place: {} },
  { key: 'stored', name: 'Stored', place: {} },
  { key: 'duplicates', name: 'Duplicates', place: { visibleFrom: 'sm' } },
  { key: 'dead', name: 'Dead', place: {} },
  { key: 'missing', name: 'Missing', place: {} },
] as const;

/** A minute of the last day is told by its hour. */
const brief = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });

function Sums({ of }: { of: ClickLedger['total'] }) {
  return COLUMNS.map(({ key, place }) => (
    <Table.Td key={key} ta="right" {...place} c={of[key] !== 0 && (key === 'dead' || key === 'missing') ? 'red' : 'inherit'}>
      {number(of[key])}
    </Table.Td>
  ));
}

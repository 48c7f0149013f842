import { Button, Group, SegmentedControl, Skeleton, Table, Text } from '@mantine/core';
import { pathTo, type PlaysBy, type PlaysReport, type PlaysRow } from '@marquee/contracts';
import { IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { PlaysOf } from '../api/client.js';
import { queryString } from '../api/http.js';
import { queries } from '../api/queries.js';
import { LinkAnchor } from './link-anchor.js';
import { number, Pager } from './pager.js';
import classes from './plays.module.css';
import { ScreenLink } from './screen-link.js';
import { Section } from './section.js';
import table from './table.module.css';
import { formatTime } from './time.js';
import { Trouble } from './trouble.js';

const PAGE_SIZE = 10;
const LOOK_MS = 15_000;
const HOUR_MS = 3_600_000;
const SPANS = [
  { value: '1', label: '24 hours' },
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
];

/** What was shown, by the logs of the screens: of one screen or of one campaign. */
export function PlaysSection({ of, by }: { of: PlaysOf; by: PlaysBy }) {
  const [days, setDays] = useState('1');
  const [page, setPage] = useState(1);
  // The end of the present hour: the same question all hour long.
  const [to] = useState(() => (Math.floor(Date.now() / HOUR_MS) + 1) * HOUR_MS);
  const filter = { ...of, from: to - Number(days) * 24 * HOUR_MS, to };
  const timeZone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const bucket = days === '1' ? ('hour' as const) : ('day' as const);
  const query = { ...filter, bucket, timeZone, by, offset: (page - 1) * PAGE_SIZE, limit: PAGE_SIZE };
  const plays = useQuery({ ...queries.plays(query), refetchInterval: LOOK_MS });
  return (
    <Section
      title="Proof of play"
      hint="By the screens’ own logs; a play counts in the hour in which it started."
      action={
        <Group gap="sm">
          <SegmentedControl
            size="xs"
            data={SPANS}
            value={days}
            aria-label="How far back"
            onChange={(value) => {
              setDays(value);
              setPage(1);
            }}
          />
          <Button
            component="a"
            href={`${pathTo('playsCsv')}${queryString(filter)}`}
            download
            size="xs"
            variant="default"
            leftSection={<IconDownload size={15} />}
          >
            CSV
          </Button>
        </Group>
      }
    >
      {plays.isPending && <Skeleton height={120} />}
      {plays.isError && plays.data === undefined && (
        <Trouble title="The plays could not be read" error={plays.error} onRetry={() => void plays.refetch()} />
      )}
      {plays.data !== undefined && (
        <Report report={plays.data} of={of} from={filter.from} to={to} bucket={bucket} page={page} onPage={setPage} />
      )}
    </Section>
  );
}

interface ReportProps {
  of: PlaysOf;
  report: PlaysReport;
  from: number;
  to: number;
  bucket: 'hour' | 'day';
  page: number;
  onPage: (page: number) => void;
}

function Report({ report: { total, series, rows }, of, from, to, bucket, page, onPage }: ReportProps) {
  if (total.plays === 0)
    return (
      <Text size="sm" c="dimmed">
        No play of this time has arrived. Screens send their logs about every minute.
      </Text>
    );
  return (
    <>
      <Text size="sm">
        <b data-figure="plays">{number(total.plays)}</b> {total.plays === 1 ? 'play' : 'plays'}, {duration(total.durationMs)} in all
      </Text>
      <Bars series={series} from={from} to={to} bucket={bucket} />
      {rows !== null && (
        <div>
          <Rows rows={rows.data} of={of} />
          {rows.total > PAGE_SIZE && <Pager page={page} pageSize={PAGE_SIZE} total={rows.total} noun="rows" onPage={onPage} />}
        </div>
      )}
    </>
  );
}

/** Plays in order of time; the numbers themselves are in the table and the file. */
function Bars({ series, from, to, bucket }: Pick<PlaysReport, 'series'> & Pick<ReportProps, 'from' | 'to' | 'bucket'>) {
  const step = bucket === 'hour' ? HOUR_MS : 24 * HOUR_MS;
  const most = Math.max(...series.map(({ plays }) => plays));
  const share = (at: number) => `${(Math.max(0, at - from) / (to - from)) * 100}%`;
  return (
    <div className={classes.bars} role="img" aria-label={`Plays by ${bucket}; the most in one: ${most}`}>
      {series.map(({ at, plays }) => (
        <div
          key={at}
          className={classes.bar}
          title={`${formatTime(at)}: ${number(plays)}`}
          style={{ left: share(at), width: `${(step / (to - from)) * 100}%`, height: `${Math.max(2, (plays / most) * 100)}%` }}
        />
      ))}
    </div>
  );
}

/** What the page is about has no column. */
function Rows({ rows, of }: { rows: PlaysRow[]; of: PlaysOf }) {
  const [first] = rows;
  if (first === undefined) return null;
  const screens = first.deviceId !== null && !('deviceId' in of);
  const campaigns = first.campaignId !== null && !('campaignId' in of);
  return (
    <Table aria-label="Plays" className={table.narrow ?? ''}>
      <Table.Thead>
        <Table.Tr>
          {first.hour !== null && <Table.Th>Hour</Table.Th>}
          {screens && <Table.Th>Screen</Table.Th>}
          {campaigns && <Table.Th>Campaign</Table.Th>}
          <Table.Th ta="right">Plays</Table.Th>
          <Table.Th ta="right">Shown for</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={`${row.hour ?? ''} ${row.deviceId ?? ''} ${row.campaignId ?? ''}`}>
            {row.hour !== null && <Table.Td>{formatTime(row.hour)}</Table.Td>}
            {screens && row.deviceId !== null && (
              <Table.Td>
                <ScreenLink id={row.deviceId} />
              </Table.Td>
            )}
            {campaigns && row.campaignId !== null && (
              <Table.Td>
                <LinkAnchor to="/console/campaigns/$id" params={{ id: row.campaignId }} size="sm" className={table.words ?? ''}>
                  {row.campaign ?? row.campaignId}
                </LinkAnchor>
              </Table.Td>
            )}
            <Table.Td ta="right">{number(row.plays)}</Table.Td>
            <Table.Td ta="right">{duration(row.durationMs)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

/** `42 s`, `3 min 5 s`, `26 h 10 min`. */
function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${number(Math.floor(seconds / 3600))} h ${Math.floor((seconds % 3600) / 60)} min`;
}

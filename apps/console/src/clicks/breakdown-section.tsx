import { SegmentedControl, Table, Text } from '@mantine/core';
import { CLICKS_BY, type ClicksBy, type ClicksReport, type ClicksRow } from '@marquee/contracts';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { clickQueries, type ClicksSpan } from '../api/clicks.js';
import { LinkAnchor } from '../parts/link-anchor.js';
import { number, Pager } from '../parts/pager.js';
import { RowSkeletons } from '../parts/row-skeletons.js';
import { ScreenLink } from '../parts/screen-link.js';
import { Section } from '../parts/section.js';
import table from '../parts/table.module.css';
import { Trouble } from '../parts/trouble.js';
import classes from './clicks.module.css';

const PAGE_SIZE = 10;
const LABELS: Record<ClicksBy, string> = { campaign: 'Campaigns', ad: 'Ads', creative: 'Creatives', screen: 'Screens', source: 'Sources' };
const HEADINGS: Record<ClicksBy, string> = { campaign: 'Campaign', ad: 'Ad', creative: 'Creative', screen: 'Screen', source: 'Source' };
const SOURCES: Record<string, string> = { api: 'Reported by an app', qr: 'QR code on a screen' };

/** What was clicked most, and where. */
export function BreakdownSection({ span, everyMs }: { span: ClicksSpan; everyMs: number }) {
  const [by, setBy] = useState<ClicksBy>(span.campaignId === undefined ? 'campaign' : 'ad');
  const [page, setPage] = useState(1);
  const query = { ...span, by, offset: (page - 1) * PAGE_SIZE, limit: PAGE_SIZE };
  const report = useQuery({ ...clickQueries.report(query), refetchInterval: everyMs });
  return (
    <Section
      title="Most clicks"
      action={
        <SegmentedControl
          size="xs"
          aria-label="Most clicks by"
          data={CLICKS_BY.map((value) => ({ value, label: LABELS[value] }))}
          value={by}
          onChange={(value) => {
            setBy(CLICKS_BY.find((each) => each === value) ?? 'campaign');
            setPage(1);
          }}
          style={{ maxWidth: '100%', flexWrap: 'wrap' }}
        />
      }
    >
      {report.isPending && <RowSkeletons label="Loading the clicks" rows={3} />}
      {report.isError && report.data === undefined && (
        <Trouble title="The clicks could not be read" error={report.error} onRetry={() => void report.refetch()} />
      )}
      {report.data !== undefined && <Rows report={report.data} by={by} stale={report.isPlaceholderData} page={page} onPage={setPage} />}
    </Section>
  );
}

interface RowsProps {
  report: ClicksReport;
  by: ClicksBy;
  stale: boolean;
  page: number;
  onPage: (page: number) => void;
}

function Rows({ report: { rows, total }, by, stale, page, onPage }: RowsProps) {
  if (rows === null || rows.total === 0)
    return (
      <Text size="sm" c="dimmed">
        Nobody clicked in this time.
      </Text>
    );
  return (
    <div>
      <Table aria-label={`Clicks by ${by}`} className={`${table.narrow} ${stale ? table.stale : ''}`}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{HEADINGS[by]}</Table.Th>
            <Table.Th visibleFrom="sm" w="28%" aria-label="Share" />
            <Table.Th ta="right">Raw</Table.Th>
            <Table.Th ta="right">Unique</Table.Th>
            <Table.Th ta="right">Human</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.data.map((row) => (
            <Table.Tr key={row.key}>
              <Table.Td>
                <Name row={row} by={by} />
              </Table.Td>
              <Table.Td visibleFrom="sm" aria-hidden>
                <span className={classes.share} style={{ width: `${Math.max(1, (row.raw / Math.max(1, total.raw)) * 100)}%` }} />
              </Table.Td>
              <Table.Td ta="right">{number(row.raw)}</Table.Td>
              <Table.Td ta="right">{number(row.unique)}</Table.Td>
              <Table.Td ta="right">{number(row.human)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {rows.total > PAGE_SIZE && (
        <Pager page={page} pageSize={PAGE_SIZE} total={rows.total} noun={LABELS[by].toLowerCase()} onPage={onPage} />
      )}
    </div>
  );
}

/** What the row is about, as a link where it has a page. */
function Name({ row: { key, name }, by }: { row: ClicksRow; by: ClicksBy }) {
  if (key === '')
    return (
      <Text size="sm" c="dimmed">
        Not said
      </Text>
    );
  if (by === 'campaign')
    return (
      <LinkAnchor to="/console/campaigns/$id" params={{ id: key }} size="sm" className={table.words ?? ''}>
        {name ?? key}
      </LinkAnchor>
    );
  if (by === 'screen') return <ScreenLink id={key} />;
  if (by === 'source') return <Text size="sm">{SOURCES[key] ?? key}</Text>;
  return <span className={classes.mono}>{name ?? key}</span>;
}

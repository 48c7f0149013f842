import { Alert, Button, Group, Paper, SegmentedControl, Select, Skeleton, Stack, Text } from '@mantine/core';
import type { ClicksReport } from '@marquee/contracts';
import { IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { clickQueries, clicksFile, type ClicksSpan } from '../api/clicks.js';
import { PageTitle } from '../parts/page-title.js';
import { useNow } from '../parts/time.js';
import { Trouble } from '../parts/trouble.js';
import { BreakdownSection } from './breakdown-section.js';
import { CampaignFilter } from './campaign-filter.js';
import { ClickFigures } from './click-figures.js';
import { ClicksChart } from './clicks-chart.js';
import classes from './clicks.module.css';
import { DeadLettersSection } from './dead-letters-section.js';
import { LedgerSection } from './ledger-section.js';
import { PipelineSection } from './pipeline-section.js';
import { type Bucket, filled, RANGES, type Range, SHAPES, spanOf } from './spans.js';

const route = getRouteApi('/console/clicks');
const BUCKET_LABELS: Record<Bucket, string> = { minute: 'By minute', hour: 'By hour', day: 'By day' };

export function ClicksPage() {
  const { campaign, range = 'live', bucket, zone } = route.useSearch();
  const span = { ...spanOf(range, bucket, zone === 'utc' ? 'UTC' : ownZone(), useNow()), campaignId: campaign };
  const { everyMs } = SHAPES[range];
  return (
    <div className={classes.page}>
      <PageTitle title="Clicks" lead="Who touched what was shown: by apps that report it, and by QR codes on screens." />
      <Stack gap="lg">
        <Paper component="section" aria-label="Clicks over time" p={{ base: 'md', sm: 'lg' }}>
          <Stack gap="md">
            <Filters range={range} span={span} />
            <Report span={span} everyMs={everyMs} />
          </Stack>
        </Paper>
        <BreakdownSection key={JSON.stringify([campaign, range])} span={span} everyMs={Math.max(everyMs, 3_000)} />
        <PipelineSection />
        <DeadLettersSection />
        <LedgerSection />
      </Stack>
    </div>
  );
}

function ownZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function Filters({ range, span }: { range: Range; span: ClicksSpan }) {
  const { campaign, zone } = route.useSearch();
  const navigate = route.useNavigate();
  const change = (part: { campaign?: string | undefined; range?: Range; bucket?: Bucket | undefined; zone?: 'utc' | undefined }) =>
    void navigate({ search: (search) => ({ ...search, ...part }), replace: true });
  const { buckets } = SHAPES[range];
  return (
    <Group gap="sm">
      <SegmentedControl
        size="xs"
        aria-label="How far back"
        data={RANGES.map((value) => ({ value, label: SHAPES[value].label }))}
        value={range}
        onChange={(value) => change({ range: RANGES.find((each) => each === value) ?? 'live', bucket: undefined })}
        style={{ maxWidth: '100%', flexWrap: 'wrap' }}
      />
      {buckets.length > 1 && (
        <SegmentedControl
          size="xs"
          aria-label="Cut into"
          data={buckets.map((value) => ({ value, label: BUCKET_LABELS[value] }))}
          value={span.bucket}
          onChange={(value) => change({ bucket: buckets.find((each) => each === value) })}
        />
      )}
      <Select
        size="xs"
        w={200}
        aria-label="Time zone"
        data={[{ value: 'own', label: ownZone() }, ...(ownZone() === 'UTC' ? [] : [{ value: 'utc', label: 'UTC' }])]}
        value={ownZone() === 'UTC' ? 'own' : (zone ?? 'own')}
        allowDeselect={false}
        onChange={(value) => change({ zone: value === 'utc' ? 'utc' : undefined })}
      />
      <CampaignFilter campaign={campaign} onChange={(id) => change({ campaign: id })} />
      <Button component="a" href={clicksFile(span)} download size="xs" variant="default" leftSection={<IconDownload size={15} />}>
        CSV
      </Button>
    </Group>
  );
}

function Report({ span, everyMs }: { span: ClicksSpan; everyMs: number }) {
  const report = useQuery({ ...clickQueries.report(span), refetchInterval: everyMs });
  if (report.isPending) return <Skeleton height={300} />;
  if (report.data === undefined)
    return <Trouble title="The clicks could not be read" error={report.error} onRetry={() => void report.refetch()} />;
  return (
    <>
      {report.isError && <Alert color="yellow">The numbers may be out of date: the server does not answer.</Alert>}
      <ClickFigures total={report.data.total} />
      <Chart series={report.data.series} span={span} />
    </>
  );
}

function Chart({ series, span }: { series: ClicksReport['series']; span: ClicksSpan }) {
  if (series.length === 0)
    return (
      <Text size="sm" c="dimmed" py="xl" ta="center">
        Nobody clicked in this time.
      </Text>
    );
  return <ClicksChart points={filled(series, span)} bucket={span.bucket} timeZone={span.timeZone} />;
}

import { Group, Skeleton, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { clickQueries } from '../api/clicks.js';
import { LinkAnchor } from '../parts/link-anchor.js';
import { Section } from '../parts/section.js';
import { useNow } from '../parts/time.js';
import { Trouble } from '../parts/trouble.js';
import { ClickFigures } from './click-figures.js';
import { ClicksChart } from './clicks-chart.js';
import classes from './clicks.module.css';
import { filled, SHAPES, spanOf } from './spans.js';

const RANGE = '24h';

interface CampaignClicksProps {
  id: string;
  /** Nothing is shown while nobody clicked: for campaigns that reach nobody. */
  onlyIfAny?: boolean;
}

/** Clicks of one campaign in the last day, with the way to all of them. */
export function CampaignClicks({ id, onlyIfAny = false }: CampaignClicksProps) {
  const timeZone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const span = { ...spanOf(RANGE, 'hour', timeZone, useNow()), campaignId: id };
  const report = useQuery({ ...clickQueries.report(span), refetchInterval: SHAPES[RANGE].everyMs });
  if (onlyIfAny && (report.data?.total.raw ?? 0) === 0) return null;
  return (
    <Section
      title="Clicks"
      hint="Of the last 24 hours: reported by apps, and by QR codes on screens."
      action={
        <LinkAnchor to="/console/clicks" search={{ campaign: id, range: RANGE }} size="sm">
          All about its clicks
        </LinkAnchor>
      }
    >
      {report.isPending && <Skeleton height={80} />}
      {report.isError && report.data === undefined && (
        <Trouble title="The clicks could not be read" error={report.error} onRetry={() => void report.refetch()} />
      )}
      {report.data !== undefined && report.data.total.raw === 0 && (
        <Text size="sm" c="dimmed">
          Nobody clicked in this time.
        </Text>
      )}
      {report.data !== undefined && report.data.total.raw > 0 && (
        <Group align="center" gap="xl" className={classes.page ?? ''}>
          <ClickFigures total={report.data.total} />
          <div style={{ flex: '1 1 300px', minWidth: 0 }}>
            <ClicksChart points={filled(report.data.series, span)} bucket={span.bucket} timeZone={timeZone} height={140} />
          </div>
        </Group>
      )}
    </Section>
  );
}

import { EmptyState, Paper, SegmentedControl, Stack } from '@mantine/core';
import { IconCircleCheck, IconHistory } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { usePollWhileDown } from '../api/live.js';
import { queries } from '../api/queries.js';
import { PageTitle } from '../parts/page-title.js';
import { Pager } from '../parts/pager.js';
import { RowSkeletons } from '../parts/row-skeletons.js';
import { Trouble } from '../parts/trouble.js';
import { NoticesSection } from './notices-section.js';
import { OutageTable } from './outage-table.js';
import { RulesSection } from './rules-section.js';

const route = getRouteApi('/console/alerts');
const PAGE_SIZE = 25;
const STATES = [
  { value: 'open', label: 'Open' },
  { value: 'closed', label: 'Over' },
];

export function AlertsPage() {
  return (
    <>
      <PageTitle title="Alerts" lead="Screens that have been offline for longer than their rule allows." />
      <Stack gap="lg">
        <Outages />
        <RulesSection />
        <NoticesSection />
      </Stack>
    </>
  );
}

function Outages() {
  const { state = 'open', page = 1 } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useQuery({
    ...queries.outages({ state, offset: (page - 1) * PAGE_SIZE, limit: PAGE_SIZE }),
    refetchInterval: usePollWhileDown(),
  });
  return (
    <Paper component="section" aria-label="Outages" p={{ base: 'md', sm: 'lg' }}>
      <Stack gap="md">
        <SegmentedControl
          aria-label="Outages"
          data={STATES}
          value={state}
          onChange={(value) => void navigate({ search: value === 'closed' ? { state: 'closed' } : {}, replace: true })}
          style={{ alignSelf: 'flex-start' }}
        />
        {list.isError && <Trouble title="The outages could not be read" error={list.error} onRetry={() => void list.refetch()} />}
        {list.isPending && <RowSkeletons label="Loading the outages" rows={3} />}
        {list.data !== undefined && list.data.total === 0 && <NoOutages state={state} />}
        {list.data !== undefined && list.data.total > 0 && (
          <>
            <OutageTable outages={list.data.data} stale={list.isPlaceholderData} />
            <Pager
              page={page}
              pageSize={PAGE_SIZE}
              total={list.data.total}
              noun="outages"
              onPage={(next) => void navigate({ search: (search) => ({ ...search, page: next }) })}
            />
          </>
        )}
      </Stack>
    </Paper>
  );
}

function NoOutages({ state }: { state: 'open' | 'closed' }) {
  if (state === 'closed') return <EmptyState py={32} icon={<IconHistory size={30} stroke={1.4} />} title="No outage is over yet" />;
  return (
    <EmptyState
      py={32}
      variant="light"
      icon={<IconCircleCheck size={30} stroke={1.4} />}
      title="No screen is missed"
      description="No screen has been offline for longer than a rule allows."
    />
  );
}

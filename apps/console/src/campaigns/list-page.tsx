import { Button, EmptyState, Group, Paper, Select } from '@mantine/core';
import { CAMPAIGN_STATUSES } from '@marquee/contracts';
import { IconFilterOff, IconPlus, IconSpeakerphone } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { usePollWhileDown } from '../api/live.js';
import { queries } from '../api/queries.js';
import { PageTitle } from '../parts/page-title.js';
import { PagedList } from '../parts/paged-list.js';
import { CAMPAIGN_LOOKS } from '../parts/status.js';
import { CampaignTable } from './campaign-table.js';

const PAGE_SIZE = 20;
const route = getRouteApi('/');
const STATUS_CHOICES = CAMPAIGN_STATUSES.map((status) => ({ value: status, label: CAMPAIGN_LOOKS[status].label }));

export function CampaignListPage() {
  const { status, page = 1 } = route.useSearch();
  const navigate = route.useNavigate();
  const refetchInterval = usePollWhileDown();
  const list = useQuery({ ...queries.campaigns({ status, offset: (page - 1) * PAGE_SIZE, limit: PAGE_SIZE }), refetchInterval });

  return (
    <>
      <PageTitle title="Campaigns" lead="What is planned, on its way, and on air." actions={<CreateLink />} />
      <Paper>
        <Group px="md" pt="md" pb="xs" display={list.data?.total === 0 && status === undefined ? 'none' : 'flex'}>
          <Select
            aria-label="Status"
            placeholder="Any status"
            data={STATUS_CHOICES}
            value={status ?? null}
            onChange={(_value, option) =>
              void navigate({ search: option === null ? {} : { status: CAMPAIGN_STATUSES.find((each) => each === option.value) } })
            }
            clearable
            w={180}
          />
        </Group>
        <PagedList
          list={list}
          noun="campaigns"
          page={page}
          pageSize={PAGE_SIZE}
          onPage={(next) => void navigate({ search: (search) => ({ ...search, page: next }) })}
          empty={<NoCampaigns filtered={status !== undefined} />}
        >
          {(campaigns, stale) => <CampaignTable campaigns={campaigns} stale={stale} />}
        </PagedList>
      </Paper>
    </>
  );
}

function CreateLink() {
  return (
    <Button component={Link} to="/console/campaigns/new" leftSection={<IconPlus size={18} />}>
      New campaign
    </Button>
  );
}

function NoCampaigns({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return (
      <EmptyState py={60} icon={<IconFilterOff size={34} stroke={1.4} />} title="No campaign has this status">
        <EmptyState.Actions>
          <Button component={Link} to="/" variant="default">
            Show every campaign
          </Button>
        </EmptyState.Actions>
      </EmptyState>
    );
  }
  return (
    <EmptyState
      py={60}
      variant="light"
      icon={<IconSpeakerphone size={34} stroke={1.4} />}
      title="No campaigns yet"
      description="A campaign is what is shown on screens, or sent to recipients, when, and to whom."
    >
      <EmptyState.Actions>
        <CreateLink />
      </EmptyState.Actions>
    </EmptyState>
  );
}

import { Button, EmptyState, Group, Paper, Select, SimpleGrid, Stack, Text } from '@mantine/core';
import { type Backlog, EXECUTION_STATES } from '@marquee/contracts';
import { IconFilterOff, IconPlayerPlay } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { queries } from '../api/queries.js';
import { PageTitle } from '../parts/page-title.js';
import { PagedList } from '../parts/paged-list.js';
import { number } from '../parts/pager.js';
import { ExecutionTable } from './execution-table.js';
import { EXECUTION_LOOKS, length } from './words.js';

const route = getRouteApi('/console/executions');
const PAGE_SIZE = 25;
/** Nothing tells of what waits: it is looked at at an even pace. */
const LOOK_MS = 3_000;
const STATES = EXECUTION_STATES.map((state) => ({ value: state, label: EXECUTION_LOOKS[state].label }));

export function ExecutionsPage() {
  const { state, page = 1 } = route.useSearch();
  const navigate = route.useNavigate();
  const query = { status: state, offset: (page - 1) * PAGE_SIZE, limit: PAGE_SIZE };
  const list = useQuery({ ...queries.executions(query), refetchInterval: LOOK_MS });
  const backlog = useQuery({ ...queries.backlog(), refetchInterval: LOOK_MS });
  return (
    <>
      <PageTitle title="Executions" lead="Every run of every campaign, and what waits to run." />
      <Stack gap="lg">
        {backlog.data !== undefined && <BacklogFigures backlog={backlog.data} />}
        <Paper>
          <Group px="md" pt="md" pb="xs" display={list.data?.total === 0 && state === undefined ? 'none' : 'flex'}>
            <Select
              aria-label="State"
              placeholder="Any state"
              data={STATES}
              value={state ?? null}
              onChange={(_value, option) =>
                void navigate({ search: option === null ? {} : { state: EXECUTION_STATES.find((each) => each === option.value) } })
              }
              clearable
              w={180}
            />
          </Group>
          <PagedList
            list={list}
            noun="executions"
            page={page}
            pageSize={PAGE_SIZE}
            onPage={(next) => void navigate({ search: (search) => ({ ...search, page: next }) })}
            empty={<None filtered={state !== undefined} />}
          >
            {(executions, stale) => <ExecutionTable executions={executions} named stale={stale} />}
          </PagedList>
        </Paper>
      </Stack>
    </>
  );
}

/** What piles up, and how late things start. */
function BacklogFigures({ backlog }: { backlog: Backlog }) {
  const overdue = backlog.overdueSlots > 0 ? `, ${number(backlog.overdueSlots)} overdue` : '';
  const oldest = backlog.oldestNewMs === null ? 'none has to wait' : `oldest for ${length(backlog.oldestNewMs)}`;
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }} component="section" aria-label="Backlog">
      <Figure name="Running" value={number(backlog.running)} hint={`${number(backlog.paused)} paused`} />
      <Figure name="New" value={number(backlog.new)} hint={`${number(backlog.queued)} in a queue, ${oldest}${overdue}`} />
      <Figure name="Deliveries waiting" value={number(backlog.pendingDeliveries)} hint="of what runs, not claimed yet" />
      <Figure
        name="Latest start"
        value={backlog.latestLagMs === null ? '–' : length(backlog.latestLagMs)}
        hint={backlog.latestLagMs === null ? 'nothing has started by itself' : 'after its moment'}
      />
    </SimpleGrid>
  );
}

function Figure({ name, value, hint }: { name: string; value: string; hint: string }) {
  return (
    <Paper p="md">
      <Text size="xs" c="dimmed">
        {name}
      </Text>
      <Text size="xl" fw={650} data-figure={name}>
        {value}
      </Text>
      <Text size="xs" c="dimmed">
        {hint}
      </Text>
    </Paper>
  );
}

function None({ filtered }: { filtered: boolean }) {
  const navigate = route.useNavigate();
  if (!filtered)
    return (
      <EmptyState
        py={60}
        variant="light"
        icon={<IconPlayerPlay size={34} stroke={1.4} />}
        title="Nothing has run yet"
        description="A campaign runs when it is dispatched, at its start, or at each slot of its schedule."
      />
    );
  return (
    <EmptyState py={60} icon={<IconFilterOff size={34} stroke={1.4} />} title="No execution is in this state">
      <EmptyState.Actions>
        <Button variant="default" onClick={() => void navigate({ search: {} })}>
          Show every execution
        </Button>
      </EmptyState.Actions>
    </EmptyState>
  );
}

import { Button, Code, EmptyState, Group, Paper, Select } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { CLOCK_OFF_MS, SCREEN_STATUSES } from '@marquee/contracts';
import { IconDeviceTv, IconFilterOff, IconUpload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { api } from '../api/client.js';
import { keys, queries } from '../api/queries.js';
import { ImportDialog } from '../parts/import-dialog.js';
import { PageTitle } from '../parts/page-title.js';
import { PagedList } from '../parts/paged-list.js';
import { TypedFilter } from '../parts/typed-filter.js';
import { OpenScreen } from './open-screen.js';
import { useKnownNames } from './known-names.js';
import { ScreenTable } from './screen-table.js';
import classes from './screens.module.css';

const route = getRouteApi('/console/screens');
const PAGE_SIZE = 25;
/** The feed tells of campaigns; presence is asked for. */
const PRESENCE_MS = 5_000;

export function ScreensPage() {
  const { q, group, tag, status, clock, page = 1 } = route.useSearch();
  const navigate = route.useNavigate();
  const [importing, { open: openImport, close: closeImport }] = useDisclosure(false);
  const query = { q, groupId: group, tag, status, clock, offset: (page - 1) * PAGE_SIZE, limit: PAGE_SIZE };
  const list = useQuery({ ...queries.screens(query), refetchInterval: PRESENCE_MS });
  const filtered = q !== undefined || group !== undefined || tag !== undefined || status !== undefined || clock !== undefined;

  return (
    <>
      <PageTitle
        title="Screens"
        lead="What is registered, what is there, and what it shows."
        actions={
          <>
            <Button variant="default" leftSection={<IconUpload size={17} />} onClick={openImport}>
              Import
            </Button>
            <OpenScreen />
          </>
        }
      />
      <Paper>
        {(filtered || list.data?.total !== 0) && <Filters />}
        <PagedList
          list={list}
          noun="screens"
          page={page}
          pageSize={PAGE_SIZE}
          onPage={(next) => void navigate({ search: (search) => ({ ...search, page: next }) })}
          empty={<NoScreens filtered={filtered} onImport={openImport} />}
        >
          {(screens, stale) => <ScreenTable screens={screens} stale={stale} />}
        </PagedList>
      </Paper>
      <ImportDialog opened={importing} onClose={closeImport} noun="screens" send={api.importScreens} changes={keys.screens}>
        CSV with a header line, or JSON Lines; one screen a line: <Code>deviceId</Code>, and if you like <Code>groupId</Code>,{' '}
        <Code>tags</Code> (in CSV separated by <Code>;</Code>), <Code>metadata</Code>. A screen that is known already is updated.
      </ImportDialog>
    </>
  );
}

const STATUSES = [
  { value: 'online', label: 'Online' },
  { value: 'offline', label: 'Offline' },
];
const CLOCKS = [{ value: 'off', label: `Off by over ${CLOCK_OFF_MS} ms` }];

function Filters() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const known = useKnownNames();
  const set = (part: Partial<typeof search>) =>
    void navigate({ search: ({ page: _page, ...old }) => ({ ...old, ...part }), replace: true, resetScroll: false });
  return (
    <div className={classes.filters}>
      <TypedFilter label="Search" icon value={search.q ?? ''} onSettle={(q) => set({ q })} />
      <TypedFilter label="Group" offers={known.groups} value={search.group ?? ''} onSettle={(group) => set({ group })} />
      <TypedFilter label="Tag" offers={known.tags} value={search.tag ?? ''} onSettle={(tag) => set({ tag })} />
      <Select
        aria-label="Status"
        placeholder="Any status"
        data={STATUSES}
        value={search.status ?? null}
        onChange={(value) => set({ status: SCREEN_STATUSES.find((each) => each === value) })}
        clearable
      />
      <Select
        aria-label="Clock"
        placeholder="Any clock"
        data={CLOCKS}
        value={search.clock ?? null}
        onChange={(value) => set({ clock: value === 'off' ? value : undefined })}
        clearable
      />
    </div>
  );
}

function NoScreens({ filtered, onImport }: { filtered: boolean; onImport: () => void }) {
  const navigate = route.useNavigate();
  if (filtered) {
    return (
      <EmptyState py={60} icon={<IconFilterOff size={34} stroke={1.4} />} title="No screen fits">
        <EmptyState.Actions>
          <Button variant="default" onClick={() => void navigate({ search: {} })}>
            Show every screen
          </Button>
        </EmptyState.Actions>
      </EmptyState>
    );
  }
  return (
    <EmptyState
      py={60}
      variant="light"
      icon={<IconDeviceTv size={34} stroke={1.4} />}
      title="No screens yet"
      description="Open one in a browser tab, or import a list of them."
    >
      <EmptyState.Actions>
        <Group justify="center" gap="sm">
          <Button variant="default" onClick={onImport}>
            Import
          </Button>
          <OpenScreen />
        </Group>
      </EmptyState.Actions>
    </EmptyState>
  );
}

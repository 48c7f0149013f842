import { Button, Code, EmptyState, Paper } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconAddressBook, IconFilterOff, IconUpload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { api } from '../api/client.js';
import { keys, queries } from '../api/queries.js';
import { ImportDialog } from '../parts/import-dialog.js';
import { PageTitle } from '../parts/page-title.js';
import { PagedList } from '../parts/paged-list.js';
import { TypedFilter } from '../parts/typed-filter.js';
import { ContactTable } from './contact-table.js';
import classes from './contacts.module.css';

const route = getRouteApi('/console/contacts');
const PAGE_SIZE = 25;

export function ContactsPage() {
  const { q, tag, page = 1 } = route.useSearch();
  const navigate = route.useNavigate();
  const [importing, { open: openImport, close: closeImport }] = useDisclosure(false);
  const list = useQuery(queries.contacts({ q, tag, offset: (page - 1) * PAGE_SIZE, limit: PAGE_SIZE }));
  const filtered = q !== undefined || tag !== undefined;
  return (
    <>
      <PageTitle
        title="Contacts"
        lead="Who campaigns are sent to that are not for screens."
        actions={
          <Button leftSection={<IconUpload size={17} />} onClick={openImport}>
            Import
          </Button>
        }
      />
      <Paper>
        {(filtered || list.data?.total !== 0) && <Filters />}
        <PagedList
          list={list}
          noun="contacts"
          page={page}
          pageSize={PAGE_SIZE}
          onPage={(next) => void navigate({ search: (search) => ({ ...search, page: next }) })}
          empty={<NoContacts filtered={filtered} onImport={openImport} />}
        >
          {(contacts, stale) => <ContactTable contacts={contacts} stale={stale} />}
        </PagedList>
      </Paper>
      <ImportDialog opened={importing} onClose={closeImport} noun="contacts" send={api.importContacts} changes={keys.contacts}>
        CSV with a header line, or JSON Lines; one contact a line: <Code>id</Code>, and if you like <Code>email</Code>, <Code>phone</Code>,{' '}
        <Code>tags</Code> (in CSV separated by <Code>;</Code>), <Code>timeZone</Code>. In CSV every other column becomes an attribute. A
        line says all of a contact; the same file again changes nothing.
      </ImportDialog>
    </>
  );
}

function Filters() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const set = (part: Partial<typeof search>) =>
    void navigate({ search: ({ page: _page, ...old }) => ({ ...old, ...part }), replace: true, resetScroll: false });
  return (
    <div className={classes.filters}>
      <TypedFilter label="Search" icon value={search.q ?? ''} onSettle={(q) => set({ q })} />
      <TypedFilter label="Tag" value={search.tag ?? ''} onSettle={(tag) => set({ tag })} />
    </div>
  );
}

function NoContacts({ filtered, onImport }: { filtered: boolean; onImport: () => void }) {
  const navigate = route.useNavigate();
  if (filtered) {
    return (
      <EmptyState py={60} icon={<IconFilterOff size={34} stroke={1.4} />} title="No contact fits">
        <EmptyState.Actions>
          <Button variant="default" onClick={() => void navigate({ search: {} })}>
            Show every contact
          </Button>
        </EmptyState.Actions>
      </EmptyState>
    );
  }
  return (
    <EmptyState
      py={60}
      variant="light"
      icon={<IconAddressBook size={34} stroke={1.4} />}
      title="No contacts yet"
      description="Import a list of them; a million in one file is fine."
    >
      <EmptyState.Actions>
        <Button variant="default" onClick={onImport}>
          Import
        </Button>
      </EmptyState.Actions>
    </EmptyState>
  );
}

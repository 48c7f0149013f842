import { Box, Table, Text } from '@mantine/core';
import type { ContactView } from '@marquee/contracts';
import table from '../parts/table.module.css';
import { Dash, Tags } from '../parts/tags.js';
import { Time } from '../parts/time.js';
import classes from './contacts.module.css';

export function ContactTable({ contacts, stale }: { contacts: ContactView[]; stale: boolean }) {
  return (
    <Table className={stale ? (table.stale ?? '') : ''} aria-label="Contacts">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Contact</Table.Th>
          <Table.Th visibleFrom="sm" miw={210}>
            Email
          </Table.Th>
          <Table.Th visibleFrom="md">Phone</Table.Th>
          <Table.Th visibleFrom="sm">Tags</Table.Th>
          <Table.Th visibleFrom="md">Attributes</Table.Th>
          <Table.Th visibleFrom="lg">Changed</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {contacts.map((contact) => (
          <ContactRow key={contact.id} contact={contact} />
        ))}
      </Table.Tbody>
    </Table>
  );
}

function ContactRow({ contact: { id, email, phone, tags, timeZone, attributes, updatedAt } }: { contact: ContactView }) {
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={600} className={table.words ?? ''}>
          {id}
        </Text>
        {timeZone !== null && (
          <Text size="xs" c="dimmed">
            {timeZone}
          </Text>
        )}
        <Box hiddenFrom="sm">
          <Text size="xs" c="dimmed" className={table.words ?? ''}>
            {email ?? phone}
          </Text>
          {tags.length > 0 && <Tags tags={tags} />}
        </Box>
      </Table.Td>
      <Table.Td visibleFrom="sm">{email === null ? <Dash /> : <div className={table.words}>{email}</div>}</Table.Td>
      <Table.Td visibleFrom="md">{phone === null ? <Dash /> : <div className={classes.phone}>{phone}</div>}</Table.Td>
      <Table.Td visibleFrom="sm">
        <Tags tags={tags} />
      </Table.Td>
      <Table.Td visibleFrom="md" maw={280}>
        <Attributes attributes={attributes} />
      </Table.Td>
      <Table.Td visibleFrom="lg">
        <Time at={updatedAt} brief />
      </Table.Td>
    </Table.Tr>
  );
}

function Attributes({ attributes }: { attributes: Record<string, unknown> }) {
  const pairs = Object.entries(attributes).map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  if (pairs.length === 0) return <Dash />;
  const text = pairs.join(' · ');
  return (
    <Text size="sm" lineClamp={1} title={text.slice(0, MOST_SHOWN)}>
      {text.slice(0, MOST_SHOWN)}
    </Text>
  );
}

/** Attributes may have thousands of characters; a row shows a line. */
const MOST_SHOWN = 400;

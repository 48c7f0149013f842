import { Alert, Button, Code, FileInput, Group, Modal, ScrollArea, Stack, Table, Text } from '@mantine/core';
import type { ImportReport } from '@marquee/contracts';
import { IconFileUpload } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type ImportForm } from '../api/client.js';
import { keys } from '../api/queries.js';
import { number } from '../parts/pager.js';
import { Trouble } from '../parts/trouble.js';

/** Rejected lines that are drawn; a file of 20,000 wrong lines would stall the page. */
const SHOWN_LINES = 200;

export function ImportDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const cache = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const importing = useMutation({
    mutationFn: (chosen: File) => api.importScreens(chosen, formOf(chosen)),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.screens }),
  });
  const close = () => {
    onClose();
    setFile(null);
    importing.reset();
  };
  return (
    <Modal opened={opened} onClose={close} title="Import screens" size="lg">
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          CSV with a header line, or JSON Lines; one screen a line: <Code>deviceId</Code>, and if you like <Code>groupId</Code>,{' '}
          <Code>tags</Code> (in CSV separated by <Code>;</Code>), <Code>metadata</Code>. A screen that is known already is updated.
        </Text>
        <FileInput
          label="File"
          placeholder="screens.csv"
          accept=".csv,.jsonl,.ndjson,text/csv,application/x-ndjson"
          leftSection={<IconFileUpload size={17} />}
          value={file}
          onChange={(chosen) => {
            setFile(chosen);
            importing.reset();
          }}
          clearable
          data-autofocus
        />
        {importing.isError && <Trouble title="The file was not imported" error={importing.error} />}
        {importing.data !== undefined && <Report report={importing.data} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={close}>
            {importing.data === undefined ? 'Discard' : 'Close'}
          </Button>
          <Button
            disabled={file === null || importing.data !== undefined}
            loading={importing.isPending}
            onClick={() => file !== null && importing.mutate(file)}
          >
            Import
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function formOf(file: File): ImportForm {
  return /\.(ndjson|jsonl|json)$/i.test(file.name) || /ndjson|jsonl/.test(file.type) ? 'application/x-ndjson' : 'text/csv';
}

function Report({ report }: { report: ImportReport }) {
  const { imported, updated, rejected } = report;
  return (
    <Stack gap="sm">
      <Alert color={rejected.length === 0 ? 'green' : 'yellow'} title="The file was read" role="status">
        {number(imported)} new, {number(updated)} updated, {number(rejected.length)} rejected.
      </Alert>
      {rejected.length > 0 && (
        <ScrollArea.Autosize mah={260} type="auto" tabIndex={0}>
          <Table aria-label="Rejected lines" stickyHeader>
            <Table.Thead>
              <Table.Tr>
                <Table.Th w={80}>Line</Table.Th>
                <Table.Th>Why</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rejected.slice(0, SHOWN_LINES).map(({ line, reason }) => (
                <Table.Tr key={`${line} ${reason}`}>
                  <Table.Td>{number(line)}</Table.Td>
                  <Table.Td>{reason}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          {rejected.length > SHOWN_LINES && (
            <Text size="xs" c="dimmed" p="sm">
              and {number(rejected.length - SHOWN_LINES)} more
            </Text>
          )}
        </ScrollArea.Autosize>
      )}
    </Stack>
  );
}

import { Alert, Button, FileInput, Group, Modal, ScrollArea, Stack, Table, Text } from '@mantine/core';
import type { ImportReport } from '@marquee/contracts';
import { IconFileUpload } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import type { ImportForm } from '../api/client.js';
import { number } from './pager.js';
import { Trouble } from './trouble.js';

/** Rejected lines that are drawn; a file of 20,000 wrong lines would stall the page. */
const SHOWN_LINES = 200;

/** What an import answered; `unchanged` where lines that say nothing new are told apart. */
type Imported = ImportReport & { unchanged?: number };

interface ImportDialogProps {
  opened: boolean;
  onClose: () => void;
  /** What is imported, in the plural. */
  noun: string;
  /** What the file may hold. */
  children: ReactNode;
  send: (file: File, form: ImportForm) => Promise<Imported>;
  /** What is read anew once it was imported. */
  changes: readonly unknown[];
}

/** Takes a file of screens or contacts, and shows what became of its lines. */
export function ImportDialog({ opened, onClose, noun, children, send, changes }: ImportDialogProps) {
  const cache = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const importing = useMutation({
    mutationFn: (chosen: File) => send(chosen, formOf(chosen)),
    // Also when it failed: what came before may have been kept.
    onSettled: () => cache.invalidateQueries({ queryKey: changes }),
  });
  const close = () => {
    onClose();
    setFile(null);
    importing.reset();
  };
  return (
    <Modal opened={opened} onClose={close} title={`Import ${noun}`} size="lg">
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          {children}
        </Text>
        <FileInput
          label="File"
          placeholder={`${noun}.csv`}
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

function Report({ report }: { report: Imported }) {
  const { imported, updated, unchanged, rejected, rejectedTotal } = report;
  const shown = rejected.slice(0, SHOWN_LINES);
  const counts = [
    `${number(imported)} new`,
    `${number(updated)} updated`,
    ...(unchanged === undefined ? [] : [`${number(unchanged)} unchanged`]),
    `${number(rejectedTotal)} rejected`,
  ];
  return (
    <Stack gap="sm">
      <Alert color={rejectedTotal === 0 ? 'green' : 'yellow'} title="The file was read" role="status">
        {counts.join(', ')}.
      </Alert>
      {shown.length > 0 && (
        <ScrollArea.Autosize mah={260} type="auto" tabIndex={0}>
          <Table aria-label="Rejected lines" stickyHeader>
            <Table.Thead>
              <Table.Tr>
                <Table.Th w={90}>Line</Table.Th>
                <Table.Th>Why</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {shown.map(({ line, reason }) => (
                <Table.Tr key={`${line} ${reason}`}>
                  <Table.Td>{number(line)}</Table.Td>
                  <Table.Td>{reason}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          {rejectedTotal > shown.length && (
            <Text size="xs" c="dimmed" p="sm">
              and {number(rejectedTotal - shown.length)} more
            </Text>
          )}
        </ScrollArea.Autosize>
      )}
    </Stack>
  );
}

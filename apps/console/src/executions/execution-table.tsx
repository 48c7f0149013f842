import { Box, Table, Text } from '@mantine/core';
import type { ExecutionView } from '@marquee/contracts';
import { LinkAnchor } from '../parts/link-anchor.js';
import { number } from '../parts/pager.js';
import { LookBadge } from '../parts/status.js';
import table from '../parts/table.module.css';
import { Time } from '../parts/time.js';
import { EXECUTION_LOOKS, KIND_WORDS, length } from './words.js';

/** Executions, a row each; `named`: with the campaign of each. */
export function ExecutionTable({ executions, named, stale }: { executions: ExecutionView[]; named: boolean; stale: boolean }) {
  return (
    <Table className={`${table.narrow} ${stale ? table.stale : ''}`} horizontalSpacing={named ? 'md' : 'lg'} aria-label="Executions">
      <Table.Thead>
        <Table.Tr>
          {named && <Table.Th>Campaign</Table.Th>}
          <Table.Th {...(named ? { visibleFrom: 'sm' } : {})}>Planned for</Table.Th>
          <Table.Th>State</Table.Th>
          <Table.Th visibleFrom="sm">Started late by</Table.Th>
          <Table.Th visibleFrom="sm">Took</Table.Th>
          <Table.Th visibleFrom="md">Deliveries</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {executions.map((execution) => (
          <ExecutionRow key={execution.id} execution={execution} named={named} />
        ))}
      </Table.Tbody>
    </Table>
  );
}

function ExecutionRow({ execution, named }: { execution: ExecutionView; named: boolean }) {
  const { campaignId, campaignName, state, scheduledFor, kind, reason, attempts, lagMs, durationMs } = execution;
  return (
    <Table.Tr className={named ? (table.row ?? '') : ''} data-execution={execution.id}>
      {named && (
        <Table.Td>
          <LinkAnchor to="/console/campaigns/$id" params={{ id: campaignId }} className={`${table.name} ${table.cover}`}>
            {campaignName}
          </LinkAnchor>
          <Box hiddenFrom="sm">
            <Time at={scheduledFor} brief size="xs" c="dimmed" />
          </Box>
        </Table.Td>
      )}
      <Table.Td {...(named ? { visibleFrom: 'sm' } : {})}>
        <Time at={scheduledFor} stacked />
        <Text size="xs" c="dimmed">
          {KIND_WORDS[kind]}
        </Text>
      </Table.Td>
      <Table.Td maw={320}>
        <LookBadge look={EXECUTION_LOOKS[state]} />
        {reason !== null && (
          <Text size="xs" c="dimmed" mt={4} className={table.words ?? ''}>
            {reason}
            {attempts > 1 && ` (${attempts} attempts)`}
          </Text>
        )}
        <Box hiddenFrom="md">
          <Text size="xs" c="dimmed">
            {countWords(execution)}
          </Text>
        </Box>
      </Table.Td>
      <Table.Td visibleFrom="sm">{lagMs === null || kind === 'manual' ? '–' : length(Math.max(0, lagMs))}</Table.Td>
      <Table.Td visibleFrom="sm">{durationMs === null ? '–' : length(durationMs)}</Table.Td>
      <Table.Td visibleFrom="md">{countWords(execution) || '–'}</Table.Td>
    </Table.Tr>
  );
}

/** `98 sent, 2 failed`. */
function countWords({ counts }: ExecutionView): string {
  const open = counts.PENDING + counts.IN_PROGRESS + counts.SENDING;
  const words: [number, string][] = [
    [counts.SUCCESS, 'sent'],
    [open, 'open'],
    [counts.FAILED, 'failed'],
    [counts.UNKNOWN, 'unknown'],
    [counts.CANCELLED, 'cancelled'],
  ];
  return words
    .filter(([n]) => n > 0)
    .map(([n, word]) => `${number(n)} ${word}`)
    .join(', ');
}

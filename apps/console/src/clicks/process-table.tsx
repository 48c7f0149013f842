import { Table, Text } from '@mantine/core';
import type { ClickProcess } from '@marquee/contracts';
import { number } from '../parts/pager.js';
import { LookBadge } from '../parts/status.js';
import table from '../parts/table.module.css';
import { Time } from '../parts/time.js';
import { CIRCUIT_LOOKS } from './words.js';

const BROKERS = { rabbitmq: 'RabbitMQ', database: 'Database' } as const;
const FALLBACKS = { redis: 'Redis', postgres: 'PostgreSQL' } as const;

/** Each process that accepts clicks, and how it stands with its broker. */
export function ProcessTable({ processes }: { processes: ClickProcess[] }) {
  return (
    <Table aria-label="Processes" className={table.narrow ?? ''}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Process</Table.Th>
          <Table.Th>Circuit</Table.Th>
          <Table.Th>Broker</Table.Th>
          <Table.Th visibleFrom="sm">Fallback</Table.Th>
          <Table.Th visibleFrom="sm" ta="right">
            In memory
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {processes.map((process) => (
          <Table.Tr key={process.process}>
            <Table.Td>
              <Text size="sm" fw={600} className={table.words ?? ''}>
                {process.name}
              </Text>
              <Text size="xs" c="dimmed">
                answers when {process.ack === 'durable' ? 'durable' : 'accepted'}
              </Text>
            </Table.Td>
            <Table.Td>
              <LookBadge look={{ ...CIRCUIT_LOOKS[process.circuit.state], label: STATE_WORDS[process.circuit.state] }} />
              <CircuitWords circuit={process.circuit} />
            </Table.Td>
            <Table.Td>
              <Text size="sm">{BROKERS[process.broker.kind]}</Text>
              <Text size="xs" c={process.broker.connected && !process.broker.blocked ? 'dimmed' : 'red'}>
                {brokerWords(process)}
              </Text>
            </Table.Td>
            <Table.Td visibleFrom="sm">{FALLBACKS[process.fallback]}</Table.Td>
            <Table.Td visibleFrom="sm" ta="right">
              {number(process.memory.clicks)}
              <Text span size="xs" c="dimmed">
                {` of ${number(process.memory.bound)}`}
              </Text>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

const STATE_WORDS = { CLOSED: 'Closed', HALF_OPEN: 'Half open', OPEN: 'Open' } as const;

function CircuitWords({ circuit: { state, failures, since, retryAt } }: Pick<ClickProcess, 'circuit'>) {
  if (state === 'CLOSED' && failures === 0) return null;
  return (
    <Text size="xs" c="dimmed" mt={4}>
      {state === 'CLOSED' ? (
        `${number(failures)} failures in a row`
      ) : (
        <>
          since <Time at={since} brief past size="xs" />
        </>
      )}
      {retryAt !== null && (
        <>
          , tried again <Time at={retryAt} brief size="xs" />
        </>
      )}
      {state === 'HALF_OPEN' && ', the next clicks find out'}
    </Text>
  );
}

function brokerWords({ broker: { connected, blocked, channels } }: ClickProcess): string {
  if (!connected) return 'not connected';
  if (blocked) return 'takes nothing now';
  return `connected, ${number(channels)} ${channels === 1 ? 'channel' : 'channels'}`;
}

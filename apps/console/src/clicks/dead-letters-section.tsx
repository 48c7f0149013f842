import { ActionIcon, Button, Group, Menu, Modal, Skeleton, Stack, Table, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { DeadLetterChoice, DeadLetterRow } from '@marquee/contracts';
import { IconDots } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { CLICKS_KEY, clickQueries, clicksApi } from '../api/clicks.js';
import { reasonsOf } from '../api/problem.js';
import { Fact } from '../parts/facts.js';
import { ListSection, NothingYet } from '../parts/list-section.js';
import { PagedList } from '../parts/paged-list.js';
import { number } from '../parts/pager.js';
import table from '../parts/table.module.css';
import { Time } from '../parts/time.js';
import { Trouble } from '../parts/trouble.js';
import classes from './clicks.module.css';

const PAGE_SIZE = 10;
const LOOK_MS = 3_000;

/** What is to be done with which of them. */
interface Plan {
  what: 'redrive' | 'purge';
  choice: DeadLetterChoice;
  count: number;
}

/** The clicks that nobody could count: to be looked at, sent back into the queue, or forgotten. */
export function DeadLettersSection() {
  const [page, setPage] = useState(1);
  const [shown, setShown] = useState<number | undefined>();
  const [plan, setPlan] = useState<Plan | undefined>();
  const list = useQuery({ ...clickQueries.deadLetters({ offset: (page - 1) * PAGE_SIZE, limit: PAGE_SIZE }), refetchInterval: LOOK_MS });
  const total = list.data?.total ?? 0;
  return (
    <ListSection
      id="dead-letters"
      title="Dead letters"
      action={
        total > 0 && (
          <Group gap="xs">
            <Button size="xs" variant="default" onClick={() => setPlan({ what: 'redrive', choice: { all: true }, count: total })}>
              Send all back
            </Button>
            <Button size="xs" variant="default" c="red" onClick={() => setPlan({ what: 'purge', choice: { all: true }, count: total })}>
              Forget all
            </Button>
          </Group>
        )
      }
    >
      <PagedList
        list={list}
        noun="dead letters"
        page={page}
        pageSize={PAGE_SIZE}
        onPage={setPage}
        empty={<NothingYet>Every click could be counted.</NothingYet>}
      >
        {(letters, stale) => <LetterTable letters={letters} stale={stale} onShow={setShown} onPlan={setPlan} />}
      </PagedList>
      {shown !== undefined && <LetterDialog id={shown} onClose={() => setShown(undefined)} onPlan={setPlan} />}
      {plan !== undefined && (
        <PlanDialog
          plan={plan}
          onDone={() => {
            setPlan(undefined);
            setShown(undefined);
            setPage(1);
          }}
          onCancel={() => setPlan(undefined)}
        />
      )}
    </ListSection>
  );
}

interface LetterTableProps {
  letters: DeadLetterRow[];
  stale: boolean;
  onShow: (id: number) => void;
  onPlan: (plan: Plan) => void;
}

function LetterTable({ letters, stale, onShow, onPlan }: LetterTableProps) {
  return (
    <Table aria-label="Dead letters" className={`${table.narrow} ${stale ? table.stale : ''}`} horizontalSpacing="lg">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Reason</Table.Th>
          <Table.Th visibleFrom="md">Message</Table.Th>
          <Table.Th>Died</Table.Th>
          <Table.Th aria-label="Actions" />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {letters.map(({ id, messageId, reason, deadAt, redriven }) => (
          <Table.Tr key={id} data-letter={id}>
            <Table.Td>
              <Text size="sm" lineClamp={2} className={table.words ?? ''}>
                {reason}
              </Text>
              {redriven > 0 && (
                <Text size="xs" c="dimmed">
                  {redriven === 1 ? 'sent back once' : `sent back ${number(redriven)} times`}
                </Text>
              )}
            </Table.Td>
            <Table.Td visibleFrom="md">
              <span className={classes.mono}>{messageId ?? '–'}</span>
            </Table.Td>
            <Table.Td>
              <Time at={deadAt} brief past />
            </Table.Td>
            <Table.Td ta="right">
              <Menu position="bottom-end">
                <Menu.Target>
                  <ActionIcon variant="subtle" color="gray" aria-label={`More of dead letter ${id}`}>
                    <IconDots size={17} />
                  </ActionIcon>
                </Menu.Target>
                <Menu.Dropdown>
                  <Menu.Item onClick={() => onShow(id)}>Inspect</Menu.Item>
                  <Menu.Item onClick={() => onPlan({ what: 'redrive', choice: { ids: [id] }, count: 1 })}>Send back</Menu.Item>
                  <Menu.Item color="red" onClick={() => onPlan({ what: 'purge', choice: { ids: [id] }, count: 1 })}>
                    Forget
                  </Menu.Item>
                </Menu.Dropdown>
              </Menu>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function LetterDialog({ id, onClose, onPlan }: { id: number; onClose: () => void; onPlan: (plan: Plan) => void }) {
  const letter = useQuery(clickQueries.deadLetter(id));
  return (
    <Modal opened onClose={onClose} title="Dead letter" size="lg">
      {letter.isPending && <Skeleton height={200} />}
      {letter.isError && <Trouble title="The dead letter could not be read" error={letter.error} />}
      {letter.data !== undefined && (
        <Stack gap="md">
          <dl className={classes.figures}>
            <Fact name="Reason">{letter.data.reason}</Fact>
            <Fact name="Died">
              <Time at={letter.data.deadAt} past />
            </Fact>
            <Fact name="Message id">
              <span className={classes.mono}>{letter.data.messageId ?? 'not said'}</span>
            </Fact>
            <Fact name="Sent back">{number(letter.data.redriven)}</Fact>
          </dl>
          <pre className={classes.body} aria-label="The message as it came" tabIndex={0}>
            {pretty(letter.data.body)}
          </pre>
          <Group justify="flex-end" gap="sm">
            <Button variant="default" c="red" onClick={() => onPlan({ what: 'purge', choice: { ids: [id] }, count: 1 })}>
              Forget
            </Button>
            <Button onClick={() => onPlan({ what: 'redrive', choice: { ids: [id] }, count: 1 })}>Send back</Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}

/** JSON line by line; what is none, as it came. */
function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function PlanDialog({ plan, onDone, onCancel }: { plan: Plan; onDone: () => void; onCancel: () => void }) {
  const cache = useQueryClient();
  const { what, choice, count } = plan;
  const who = count === 1 ? 'this dead letter' : `${number(count)} dead letters`;
  const run = useMutation({
    mutationFn: () => clicksApi[what](choice),
    onSuccess: ({ moved }) => {
      notifications.show({
        title: what === 'redrive' ? `${number(moved)} sent back` : `${number(moved)} forgotten`,
        message:
          what === 'redrive' ? 'They are published again, and come back here if they cannot be counted.' : 'In the ledger they stay dead.',
      });
      onDone();
    },
    onError: (error) =>
      notifications.show({ title: 'Nothing more was done', message: reasonsOf(error).join(' '), color: 'red', autoClose: false }),
    onSettled: () => cache.invalidateQueries({ queryKey: CLICKS_KEY }),
  });
  return (
    <Modal opened onClose={onCancel} title={what === 'redrive' ? `Send ${who} back?` : `Forget ${who}?`}>
      <Stack gap="md">
        <Text size="sm">
          {what === 'redrive'
            ? 'It goes back into the queue and is counted at the time at which it was clicked. What still cannot be counted comes back here.'
            : 'What was clicked is lost for good. In the ledger it stays dead.'}
        </Text>
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onCancel}>
            Leave it
          </Button>
          <Button {...(what === 'purge' ? { color: 'red' } : {})} loading={run.isPending} onClick={() => run.mutate()}>
            {what === 'redrive' ? 'Send back' : 'Forget for good'}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

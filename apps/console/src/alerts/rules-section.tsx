import { ActionIcon, Badge, Box, Button, Group, Menu, Modal, Stack, Table, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { AlertRuleView } from '@marquee/contracts';
import { IconDots, IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/client.js';
import { usePollWhileDown } from '../api/live.js';
import { reasonsOf } from '../api/problem.js';
import { keys, queries } from '../api/queries.js';
import { RowSkeletons } from '../parts/row-skeletons.js';
import { Section } from '../parts/section.js';
import table from '../parts/table.module.css';
import { Time } from '../parts/time.js';
import { Trouble } from '../parts/trouble.js';
import { RuleDialog } from './rule-dialog.js';
import { SnoozeMenu } from './snooze-menu.js';
import { durationOf } from './words.js';

/** Which screens are missed, after how long, and who is told. */
export function RulesSection() {
  const rules = useQuery({ ...queries.alertRules(), refetchInterval: usePollWhileDown() });
  const [edited, setEdited] = useState<AlertRuleView | 'new' | undefined>();
  return (
    <Section
      title="Rules"
      hint="Which screens are missed, after how long, and who is told."
      action={
        <Button size="sm" variant="default" leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setEdited('new')}>
          New rule
        </Button>
      }
    >
      {rules.isError && <Trouble title="The rules could not be read" error={rules.error} onRetry={() => void rules.refetch()} />}
      {rules.isPending && <RowSkeletons label="Loading the rules" rows={2} />}
      {rules.data?.data.length === 0 && (
        <Text size="sm" c="dimmed">
          There is no rule: no screen is missed.
        </Text>
      )}
      {rules.data !== undefined && rules.data.data.length > 0 && (
        <Table aria-label="Rules">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Rule</Table.Th>
              <Table.Th visibleFrom="sm">Grace</Table.Th>
              <Table.Th visibleFrom="sm">Tells</Table.Th>
              <Table.Th aria-label="Actions" />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rules.data.data.map((rule) => (
              <RuleRow key={rule.id} rule={rule} onEdit={() => setEdited(rule)} />
            ))}
          </Table.Tbody>
        </Table>
      )}
      <RuleDialog
        key={edited === undefined || edited === 'new' ? edited : edited.id}
        rule={edited === 'new' ? undefined : edited}
        opened={edited !== undefined}
        onClose={() => setEdited(undefined)}
      />
    </Section>
  );
}

function RuleRow({ rule, onEdit }: { rule: AlertRuleView; onEdit: () => void }) {
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={600} className={table.words ?? ''}>
          {rule.name}
        </Text>
        <Group gap={6}>
          <Text size="xs" c="dimmed">
            {audienceWords(rule.audience)}
          </Text>
          <Text size="xs" c="dimmed" hiddenFrom="sm">
            after {durationOf(rule.graceMs)}
          </Text>
          {!rule.enabled && (
            <Badge size="xs" variant="light" color="gray">
              Off
            </Badge>
          )}
          {rule.openOutages > 0 && (
            <Badge size="xs" variant="light" color="red">
              {rule.openOutages} open
            </Badge>
          )}
          {rule.snoozedUntil !== null && (
            <Text size="xs" c="dimmed">
              snooze ends <Time at={rule.snoozedUntil} brief size="xs" />
            </Text>
          )}
        </Group>
        <Box hiddenFrom="sm" mt={4}>
          <Tells rule={rule} />
        </Box>
      </Table.Td>
      <Table.Td visibleFrom="sm">{durationOf(rule.graceMs)}</Table.Td>
      <Table.Td visibleFrom="sm">
        <Tells rule={rule} />
      </Table.Td>
      <Table.Td>
        <Group gap="xs" justify="flex-end" wrap="nowrap">
          <SnoozeMenu what="alertRuleSnooze" id={rule.id} snoozed={rule.snoozedUntil !== null} label={`the rule ${rule.name}`} />
          <RuleMenu rule={rule} onEdit={onEdit} />
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}

function audienceWords(audience: Record<string, unknown>): string {
  if ('all' in audience) return 'All screens';
  if (Array.isArray(audience['ids'])) return audience['ids'].length === 1 ? '1 screen' : `${audience['ids'].length} screens`;
  const groups = Array.isArray(audience['groups']) ? [`Groups: ${audience['groups'].join(', ')}`] : [];
  return [...groups, ...('tags' in audience ? ['Some tags'] : [])].join(' · ');
}

function Tells({ rule: { webhook, emails, warnings } }: { rule: AlertRuleView }) {
  return (
    <>
      <Text size="sm" lineClamp={2} maw={320} className={table.words ?? ''}>
        {[...(webhook === null ? [] : [new URL(webhook.url).host]), ...emails].join(', ') || 'This page only'}
      </Text>
      {warnings.map((warning) => (
        <Text key={warning} size="xs" c="orange">
          {warning}
        </Text>
      ))}
    </>
  );
}

function RuleMenu({ rule, onEdit }: { rule: AlertRuleView; onEdit: () => void }) {
  const cache = useQueryClient();
  const [deleting, setDeleting] = useState(false);
  const refresh = () => cache.invalidateQueries({ queryKey: keys.alerts });
  const complain = (title: string) => (error: unknown) =>
    notifications.show({ title, message: reasonsOf(error).join(' '), color: 'red', autoClose: false });
  const test = useMutation({
    mutationFn: () => api.testAlertRule(rule.id),
    onSuccess: ({ notices }) => notifications.show({ title: 'Test sent', message: `To ${notices}; see below what became of it.` }),
    onError: complain('No test was sent'),
    onSettled: refresh,
  });
  const remove = useMutation({
    mutationFn: () => api.deleteAlertRule(rule.id),
    onSuccess: () => setDeleting(false),
    onError: complain('The rule was not deleted'),
    onSettled: refresh,
  });
  const tells = rule.webhook !== null || rule.emails.length > 0;
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`More of ${rule.name}`}>
            <IconDots size={17} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={onEdit}>Edit</Menu.Item>
          <Menu.Item onClick={() => test.mutate()} disabled={!tells}>
            Send a test
          </Menu.Item>
          <Menu.Item color="red" onClick={() => setDeleting(true)}>
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal opened={deleting} onClose={() => setDeleting(false)} title={`Delete “${rule.name}”?`}>
        <Stack gap="md">
          <Text size="sm">Its outages and notices go with it, and what waits to be sent is not sent.</Text>
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={() => setDeleting(false)}>
              Keep it
            </Button>
            <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
              Delete rule
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}

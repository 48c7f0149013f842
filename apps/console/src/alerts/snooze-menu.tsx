import { Button, Menu } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconBellOff } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, type Snoozable } from '../api/client.js';
import { reasonsOf } from '../api/problem.js';
import { keys } from '../api/queries.js';

const HOUR_MS = 3_600_000;
const CHOICES = [
  { label: 'For 1 hour', forMs: HOUR_MS },
  { label: 'For 8 hours', forMs: 8 * HOUR_MS },
  { label: 'For a day', forMs: 24 * HOUR_MS },
  { label: 'For a week', forMs: 7 * 24 * HOUR_MS },
];

interface SnoozeMenuProps {
  what: Snoozable;
  id: string;
  snoozed: boolean;
  /** What is snoozed, for who does not see the row. */
  label: string;
}

/** Keeps a screen or a rule quiet for a while, or ends that. */
export function SnoozeMenu({ what, id, snoozed, label }: SnoozeMenuProps) {
  const cache = useQueryClient();
  const change = useMutation({
    mutationFn: async (forMs: number | undefined) =>
      void (await (forMs === undefined ? api.wake(what, id) : api.snooze(what, id, { forMs }))),
    onError: (error) =>
      notifications.show({ title: 'It was not changed', message: reasonsOf(error).join(' '), color: 'red', autoClose: false }),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.alerts }),
  });
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconBellOff size={15} aria-hidden />}
          loading={change.isPending}
          aria-label={`Snooze ${label}`}
        >
          {snoozed ? 'Snoozed' : 'Snooze'}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {CHOICES.map((choice) => (
          <Menu.Item key={choice.label} onClick={() => change.mutate(choice.forMs)}>
            {choice.label}
          </Menu.Item>
        ))}
        {snoozed && (
          <>
            <Menu.Divider />
            <Menu.Item onClick={() => change.mutate(undefined)}>End the snooze</Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

import { Alert, Button, Group, List, Modal, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { CampaignDetail, LockHolder } from '@marquee/contracts';
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client.js';
import { ApiProblem, reasonsOf } from '../../api/problem.js';
import { number } from '../../parts/pager.js';
import { useRefresh } from './use-refresh.js';

/** The dialog outlives the button: a pause that is not confirmed is explained though the campaign is paused by then. */
export function PauseButton({ campaign, hidden }: { campaign: CampaignDetail; hidden: boolean }) {
  const refresh = useRefresh(campaign.id);
  const [holders, setHolders] = useState<LockHolder[]>();
  const pause = useMutation({
    mutationFn: (force: boolean) => api.pause(campaign.id, force),
    onSuccess: ({ draining, forced }) => {
      setHolders(undefined);
      const ended = forced === undefined ? '' : ` ${forced === 1 ? 'One session was' : `${number(forced)} sessions were`} ended by force.`;
      notifications.show({ title: 'Paused', message: `${midAir(draining)} No send starts until it is resumed.${ended}`, color: 'yellow' });
    },
    onError: (error) => {
      if (error instanceof ApiProblem && error.code === 'PAUSE_UNCONFIRMED') return setHolders(error.holders);
      setHolders(undefined);
      notifications.show({ title: 'It was not paused', message: reasonsOf(error).join(' '), color: 'red', autoClose: false });
    },
    onSettled: refresh,
  });
  return (
    <>
      {!hidden && (
        <Button variant="default" leftSection={<IconPlayerPause size={17} />} loading={pause.isPending} onClick={() => pause.mutate(false)}>
          Pause
        </Button>
      )}
      <Modal opened={holders !== undefined} onClose={() => setHolders(undefined)} title="Paused, not yet confirmed">
        <Stack gap="md">
          <Holders holders={holders ?? []} />
          <Group justify="flex-end" gap="sm">
            <Button variant="subtle" color="red" loading={pause.isPending && pause.variables} onClick={() => pause.mutate(true)}>
              Force
            </Button>
            <Button loading={pause.isPending && !pause.variables} onClick={() => pause.mutate(false)} data-autofocus>
              Confirm again
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}

function rewoundWords(rewound: number): string {
  return rewound === 0 ? 'Nothing had to be rewound.' : `Rewound: ${number(rewound)} that were claimed and not begun.`;
}

function midAir(draining: number): string {
  return draining === 0 ? 'Nothing is mid-air.' : `${number(draining)} mid-air.`;
}

function Holders({ holders }: { holders: LockHolder[] }) {
  return (
    <>
      <Alert color="orange" title="The campaign is paused, but a worker has not answered">
        <Text size="sm">
          Nothing new begins. What a worker had begun may still start a send, until it has answered. Confirm again in a moment, or force it:
          the sessions below are ended, and with them the right to start anything.
        </Text>
      </Alert>
      {holders.length > 0 && (
        <List size="sm" aria-label="Holders">
          {holders.map(({ pid, application, sinceMs }) => (
            <List.Item key={pid}>
              {application} (session {pid}), for {(sinceMs / 1000).toFixed(1)} s
            </List.Item>
          ))}
        </List>
      )}
    </>
  );
}

export function ResumeButton({ campaign, hidden }: { campaign: CampaignDetail; hidden: boolean }) {
  const refresh = useRefresh(campaign.id);
  const resume = useMutation({
    mutationFn: () => api.resume(campaign.id),
    onSuccess: ({ epoch, rewound }) =>
      notifications.show({
        title: `Resumed in epoch ${epoch}`,
        message: rewoundWords(rewound),
      }),
    onError: (error) =>
      notifications.show({ title: 'It was not resumed', message: reasonsOf(error).join(' '), color: 'red', autoClose: false }),
    onSettled: refresh,
  });
  if (hidden) return null;
  return (
    <Button leftSection={<IconPlayerPlay size={17} />} loading={resume.isPending} onClick={() => resume.mutate()}>
      Resume
    </Button>
  );
}

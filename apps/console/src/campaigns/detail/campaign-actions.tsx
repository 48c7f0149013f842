import { Alert, Button, Group, List, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import type { CampaignDetail } from '@marquee/contracts';
import { IconBan, IconPencil, IconSend } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { api } from '../../api/client.js';
import { ApiProblem, reasonsOf } from '../../api/problem.js';
import { LinkButton } from '../../parts/link-button.js';
import { Trouble } from '../../parts/trouble.js';
import { PauseButton, ResumeButton } from '../interruptions/pause-actions.js';
import { RetryButtons } from '../interruptions/retry-actions.js';
import { useRefresh } from '../interruptions/use-refresh.js';

export function CampaignActions({ campaign }: { campaign: CampaignDetail }) {
  const over = campaign.status === 'cancelled' || campaign.status === 'completed';
  const started = campaign.status === 'publishing' || campaign.status === 'active' || campaign.nextRunAt !== null;
  return (
    <>
      {campaign.dispatch === 'manual' && campaign.status === 'ready' && !campaign.paused && <DispatchButton campaign={campaign} />}
      <ResumeButton campaign={campaign} hidden={over || !campaign.paused} />
      <PauseButton campaign={campaign} hidden={over || campaign.paused || !started} />
      {campaign.channel !== 'screen' && <RetryButtons campaign={campaign} />}
      {!over && campaign.channel === 'screen' && (
        <LinkButton to="/console/campaigns/$id/edit" params={{ id: campaign.id }} variant="default" leftSection={<IconPencil size={17} />}>
          Edit
        </LinkButton>
      )}
      <CancelButton campaign={campaign} hidden={over} />
    </>
  );
}

function DispatchButton({ campaign }: { campaign: CampaignDetail }) {
  const refresh = useRefresh(campaign.id);
  const dispatch = useMutation({
    mutationFn: () => api.dispatch(campaign.id),
    onSuccess: () =>
      notifications.show({
        title: 'Dispatched',
        message: campaign.channel === 'screen' ? 'It is being handed over to its screens.' : 'It is being sent.',
      }),
    onError: (error) =>
      notifications.show({ title: 'It was not dispatched', message: reasonsOf(error).join(' '), color: 'red', autoClose: false }),
    onSettled: refresh,
  });
  return (
    <Button leftSection={<IconSend size={17} />} loading={dispatch.isPending} onClick={() => dispatch.mutate()}>
      Dispatch
    </Button>
  );
}

/** The dialog outlives the button: a cancel that is not confirmed is explained though the campaign is cancelled by then. */
function CancelButton({ campaign, hidden }: { campaign: CampaignDetail; hidden: boolean }) {
  const [open, { open: ask, close }] = useDisclosure(false);
  const refresh = useRefresh(campaign.id);
  const cancel = useMutation({
    mutationFn: () => api.cancel(campaign.id),
    onSuccess: () => {
      close();
      notifications.show({
        title: 'Cancelled',
        message: campaign.channel === 'screen' ? 'Its screens are told to take it off.' : 'Nothing of it is sent any more.',
      });
    },
    onSettled: refresh,
  });
  const unconfirmed = cancel.error instanceof ApiProblem && cancel.error.code === 'CANCEL_UNCONFIRMED';
  return (
    <>
      {!hidden && (
        <Button
          variant="light"
          color="red"
          leftSection={<IconBan size={17} />}
          onClick={() => {
            cancel.reset();
            ask();
          }}
        >
          Cancel campaign
        </Button>
      )}
      <Modal opened={open} onClose={close} title={unconfirmed ? 'Cancelled, not yet confirmed' : 'Cancel this campaign?'}>
        <Stack gap="md">
          {unconfirmed ? (
            <Unconfirmed error={cancel.error} screens={campaign.channel === 'screen'} />
          ) : (
            <Text size="sm">{consequence(campaign)}</Text>
          )}
          {cancel.isError && !unconfirmed && <Trouble title="It could not be cancelled" error={cancel.error} />}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={close}>
              {unconfirmed ? 'Close' : 'Keep it'}
            </Button>
            <Button color="red" loading={cancel.isPending} onClick={() => cancel.mutate()} data-autofocus>
              {unconfirmed ? 'Confirm again' : 'Cancel campaign'}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}

function consequence(campaign: CampaignDetail): string {
  if (campaign.channel !== 'screen')
    return `Nothing more of “${campaign.name}” is sent; what was sent stays sent. A cancelled campaign cannot be brought back.`;
  const reached = campaign.counts.SUCCESS + campaign.counts.SENDING + campaign.counts.UNKNOWN;
  if (reached === 0)
    return `“${campaign.name}” has not reached a screen; it will not be sent. A cancelled campaign cannot be brought back.`;
  return `“${campaign.name}” is taken off every screen that holds it: at once where the screen is online, as soon as it is back where it is not. A cancelled campaign cannot be brought back.`;
}

function Unconfirmed({ error, screens }: { error: unknown; screens: boolean }) {
  return (
    <Alert color="orange" title="The campaign is cancelled, but a worker has not answered">
      <Stack gap="xs">
        <Text size="sm">
          {screens
            ? 'A worker that answered starts no send any more. One did not answer in time: a screen may still get the campaign from it, but the revoke follows and takes it off. Confirm again in a moment; the clearance on this page shows which screens are clear.'
            : 'A worker that answered starts no send any more. One did not answer in time and may still be starting one. Confirm again in a moment.'}
        </Text>
        <List size="xs" c="dimmed">
          {reasonsOf(error).map((reason) => (
            <List.Item key={reason}>{reason}</List.Item>
          ))}
        </List>
      </Stack>
    </Alert>
  );
}

import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import type { CampaignDetail } from '@marquee/contracts';
import { IconReload } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { api } from '../../api/client.js';
import { reasonsOf } from '../../api/problem.js';
import { number } from '../../parts/pager.js';
import { useRefresh } from './use-refresh.js';

type Scope = 'failed' | 'unknown';

/** Sends again what failed; what nobody knows of only after the question. */
export function RetryButtons({ campaign }: { campaign: CampaignDetail }) {
  const [asked, { open: ask, close }] = useDisclosure(false);
  const refresh = useRefresh(campaign.id);
  const retry = useMutation({
    mutationFn: (scope: Scope) => api.retry(campaign.id, scope),
    onSuccess: ({ retried }) =>
      notifications.show({ title: 'To be sent again', message: retried === 1 ? '1 delivery.' : `${number(retried)} deliveries.` }),
    onError: (error) =>
      notifications.show({ title: 'It was not retried', message: reasonsOf(error).join(' '), color: 'red', autoClose: false }),
    onSettled: async () => {
      close();
      await refresh();
    },
  });
  const { FAILED, UNKNOWN } = campaign.counts;
  if (campaign.status !== 'active' && campaign.status !== 'completed') return null;
  const busy = (scope: Scope) => retry.isPending && retry.variables === scope;
  return (
    <>
      {FAILED > 0 && (
        <RetryButton loading={busy('failed')} onClick={() => retry.mutate('failed')} words={`Retry ${number(FAILED)} failed`} />
      )}
      {UNKNOWN > 0 && <RetryButton loading={busy('unknown')} onClick={ask} words={`Retry ${number(UNKNOWN)} unknown`} />}
      <Modal opened={asked} onClose={close} title="Send again what may have been sent?">
        <Stack gap="md">
          <Text size="sm">
            Whether {UNKNOWN === 1 ? 'this recipient' : `these ${number(UNKNOWN)} recipients`} got it is not known. Sent again,{' '}
            {UNKNOWN === 1 ? 'it may get it twice' : 'they may get it twice'}. Each is sent under the same idempotency key, so that a
            receiver that looks at it takes it once.
          </Text>
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={close}>
              Leave them
            </Button>
            <Button color="orange" loading={busy('unknown')} onClick={() => retry.mutate('unknown')} data-autofocus>
              Send again
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}

function RetryButton({ words, loading, onClick }: { words: string; loading: boolean; onClick: () => void }) {
  return (
    <Button variant="default" leftSection={<IconReload size={17} />} loading={loading} onClick={onClick}>
      {words}
    </Button>
  );
}

import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { ScreenDetail } from '@marquee/contracts';
import { IconEye, IconRefresh } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { api } from '../../api/client.js';
import { reasonsOf } from '../../api/problem.js';

const SAID = {
  identify: { title: 'Asked to identify', message: 'It shows its name for a moment.' },
  reload: { title: 'Asked to reload', message: 'It loads its player anew and is back in a moment.' },
};

/** What can be asked of a screen that is online. */
export function ScreenActions({ screen }: { screen: ScreenDetail }) {
  const offline = screen.status === 'offline';
  const tell = useMutation({
    mutationFn: (what: keyof typeof SAID) => api.tellScreen(screen.deviceId, what),
    onSuccess: (_answer, what) => notifications.show(SAID[what]),
    onError: (error) => notifications.show({ title: 'It was not told', message: reasonsOf(error).join(' '), color: 'red' }),
  });
  return (
    <>
      <Button variant="default" leftSection={<IconEye size={17} />} disabled={offline} onClick={() => tell.mutate('identify')}>
        Identify
      </Button>
      <Button variant="default" leftSection={<IconRefresh size={17} />} disabled={offline} onClick={() => tell.mutate('reload')}>
        Reload
      </Button>
    </>
  );
}

import { Button, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { DEVICE_ID_PATTERN } from '@marquee/contracts';
import { IconExternalLink } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { queries } from '../api/queries.js';
import { Trouble } from '../parts/trouble.js';

/** Opens the player in a tab of its own, as a screen of the given name. */
export function OpenScreen() {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button leftSection={<IconExternalLink size={17} />} onClick={open}>
        Open a screen
      </Button>
      <Modal opened={opened} onClose={close} title="Open a screen">
        <OpenScreenForm onOpened={close} />
      </Modal>
    </>
  );
}

function OpenScreenForm({ onOpened }: { onOpened: () => void }) {
  const [deviceId, setDeviceId] = useState(() => `screen-${Math.random().toString(36).slice(2, 6)}`);
  const config = useQuery(queries.clientConfig());
  const valid = DEVICE_ID_PATTERN.test(deviceId);
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    if (!valid || config.data === undefined) return;
    window.open(playerPath(deviceId, config.data.brokerUrl), '_blank', 'noopener');
    onOpened();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          A browser tab becomes a screen: it connects, installs what is meant for it, and plays it. One name, one screen.
        </Text>
        <TextInput
          label="Device id"
          value={deviceId}
          onChange={(event) => setDeviceId(event.currentTarget.value)}
          error={valid ? null : 'Letters, digits, . _ : - only, at most 128.'}
          spellCheck={false}
          data-autofocus
        />
        {config.isError && <Trouble title="The player's address is not known" error={config.error} onRetry={() => void config.refetch()} />}
        <Button type="submit" disabled={!valid || config.data === undefined} leftSection={<IconExternalLink size={17} />}>
          Open in a new tab
        </Button>
      </Stack>
    </form>
  );
}

function playerPath(deviceId: string, brokerUrl: string): string {
  return `/player/?${new URLSearchParams({ deviceId, brokerUrl }).toString()}`;
}

import { Alert, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';

export function BuildTrouble({ reason }: { reason: string }) {
  return (
    <Alert color="red" icon={<IconAlertTriangle size={20} />} title="The last build of its page failed" role="alert">
      <Text size="sm">{reason}</Text>
      <Text size="sm" c="dimmed" mt={4}>
        It is tried again by itself; nothing is handed over until it is built.
      </Text>
    </Alert>
  );
}

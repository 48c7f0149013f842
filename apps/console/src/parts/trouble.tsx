import { Alert, Button, Group, List, Stack, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { reasonsOf } from '../api/problem.js';

interface TroubleProps {
  error: unknown;
  title: string;
  onRetry?: () => void;
  retrying?: boolean;
}

/** Something that failed, why, and a way on. */
export function Trouble({ error, title, onRetry, retrying = false }: TroubleProps) {
  const reasons = reasonsOf(error);
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle size={20} />} title={title} role="alert">
      <Stack gap="sm" align="flex-start">
        {reasons.length === 1 ? (
          <Text size="sm">{reasons[0]}</Text>
        ) : (
          <List size="sm">
            {reasons.map((reason) => (
              <List.Item key={reason}>{reason}</List.Item>
            ))}
          </List>
        )}
        {onRetry !== undefined && (
          <Group>
            <Button size="xs" variant="default" onClick={onRetry} loading={retrying}>
              Try again
            </Button>
          </Group>
        )}
      </Stack>
    </Alert>
  );
}

import { Button, EmptyState } from '@mantine/core';
import { IconMapOff } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';

export function NotFound() {
  return (
    <EmptyState
      py={80}
      icon={<IconMapOff size={40} stroke={1.4} />}
      withIndicatorBackground
      title={<h1 style={{ font: 'inherit', margin: 0 }}>There is no such page</h1>}
      description="The address may be mistyped, or what it named is gone."
    >
      <EmptyState.Actions>
        <Button component={Link} to="/">
          To the campaigns
        </Button>
      </EmptyState.Actions>
    </EmptyState>
  );
}

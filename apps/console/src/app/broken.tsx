import { Button, Code, EmptyState, Group } from '@mantine/core';
import { IconMoodSad } from '@tabler/icons-react';
import type { ErrorComponentProps } from '@tanstack/react-router';
import { reasonsOf } from '../api/problem.js';

/** Shown in place of a page that failed to draw; the shell around it lives. */
export function Broken({ error, reset }: ErrorComponentProps) {
  return (
    <EmptyState
      py={80}
      icon={<IconMoodSad size={40} stroke={1.4} />}
      withIndicatorBackground
      title={<h1 style={{ font: 'inherit', margin: 0 }}>This page could not be shown</h1>}
      description={<Code>{reasonsOf(error).join(' ')}</Code>}
    >
      <EmptyState.Actions>
        <Group justify="center">
          <Button onClick={reset}>Try again</Button>
          <Button variant="default" onClick={() => window.location.reload()}>
            Reload
          </Button>
        </Group>
      </EmptyState.Actions>
    </EmptyState>
  );
}

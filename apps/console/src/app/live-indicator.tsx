import { Box, Group, Text, Tooltip } from '@mantine/core';
import type { LiveState } from '../api/live-feed.js';
import { useLiveState } from '../api/live.js';
import classes from './live-indicator.module.css';

const WORDS: Record<LiveState, { label: string; hint: string }> = {
  live: { label: 'Live', hint: 'Changes show as they happen.' },
  connecting: { label: 'Connecting', hint: 'The live connection is being made.' },
  reconnecting: { label: 'Reconnecting', hint: 'The live connection is down. The page asks every few seconds until it is back.' },
  resting: { label: 'Resting', hint: 'The live connection rests while the page is hidden.' },
};

export function LiveIndicator() {
  const state = useLiveState();
  const { label, hint } = WORDS[state];
  return (
    <Tooltip label={hint}>
      <Group gap={7} wrap="nowrap" px="xs" role="status" data-live={state} tabIndex={0} className={classes.root ?? ''}>
        <Box className={classes.dot ?? ''} data-live={state} />
        <Text size="sm" c="dimmed">
          {label}
        </Text>
      </Group>
    </Tooltip>
  );
}

import { Paper, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './facts.module.css';

/** What is known of one thing, name by name. */
export function Facts({ children }: { children: ReactNode }) {
  return (
    <Paper p={{ base: 'md', sm: 'lg' }}>
      <dl className={classes.facts}>{children}</dl>
    </Paper>
  );
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <Text component="dt" size="xs" c="dimmed" mb={3}>
        {name}
      </Text>
      <Text component="dd" size="sm" m={0}>
        {children}
      </Text>
    </div>
  );
}

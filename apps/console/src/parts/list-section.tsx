import { Button, Group, Paper, Text, Title } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import type { ReactNode } from 'react';

/** A titled list that fills its paper to the edges. */
export function ListSection({ id, title, action, children }: { id: string; title: string; action?: ReactNode; children: ReactNode }) {
  return (
    <Paper component="section" aria-labelledby={id}>
      <Group justify="space-between" px={{ base: 'md', sm: 'lg' }} pt={{ base: 'md', sm: 'lg' }} pb="xs">
        <Title order={2} id={id}>
          {title}
        </Title>
        {action}
      </Group>
      {children}
    </Paper>
  );
}

export function NothingYet({ children }: { children: ReactNode }) {
  return (
    <Text size="sm" c="dimmed" px={{ base: 'md', sm: 'lg' }} pb="lg">
      {children}
    </Text>
  );
}

interface WalkProps {
  /** Cursors of the pages walked through; the last one is shown. */
  walked: string[];
  next: string | null;
  loading: boolean;
  onWalk: (walked: string[]) => void;
}

/** Back and next of a list by cursor, in a row of their own; nothing where there is one page. */
export function Walk(props: WalkProps) {
  if (props.walked.length === 0 && props.next === null) return null;
  return (
    <Group justify="flex-end" px={{ base: 'md', sm: 'lg' }} py="sm">
      <WalkButtons {...props} />
    </Group>
  );
}

/** Back and next alone, for a list that says more beside them; nothing where there is one page. */
export function WalkButtons({ walked, next, loading, onWalk }: WalkProps) {
  if (walked.length === 0 && next === null) return null;
  return (
    <Group gap="xs">
      <Button
        size="xs"
        variant="default"
        leftSection={<IconChevronLeft size={15} />}
        disabled={walked.length === 0}
        onClick={() => onWalk(walked.slice(0, -1))}
      >
        Back
      </Button>
      <Button
        size="xs"
        variant="default"
        rightSection={<IconChevronRight size={15} />}
        disabled={next === null || loading}
        onClick={() => next !== null && onWalk([...walked, next])}
      >
        Next
      </Button>
    </Group>
  );
}

import { Box, Group, Progress, Text, Tooltip } from '@mantine/core';
import classes from './figures.module.css';
import { number } from './pager.js';

/** A number with its name; put it in a `dl`. */
export function Figure({ name, value, meaning, alarming = false }: { name: string; value: number; meaning: string; alarming?: boolean }) {
  return (
    <Tooltip label={meaning}>
      <div>
        <Text component="dt" size="sm" c="dimmed">
          {name}
        </Text>
        <Text component="dd" m={0} className={classes.figure ?? ''} c={alarming && value > 0 ? 'red' : 'inherit'} data-figure={name}>
          {number(value)}
        </Text>
      </div>
    </Tooltip>
  );
}

/** One part of a bar. */
export interface Part {
  name: string;
  value: number;
  color: string;
}

/** What a whole is made of, and its legend; parts of nothing are left out. */
export function Bar({ parts: all, total, of }: { parts: Part[]; total: number; of: string }) {
  const parts = all.filter((part) => part.value > 0);
  const words = parts.map((part) => `${part.name}: ${part.value}`).join(', ');
  return (
    <div>
      <Progress.Root size={14} radius="sm" role="img" aria-label={`Of ${total} ${of}. ${words}`}>
        {parts.map((part) => (
          <Progress.Section key={part.name} value={(part.value / total) * 100} color={part.color} aria-hidden withAria={false} />
        ))}
      </Progress.Root>
      <Group gap="4px 20px" mt="sm" aria-hidden>
        {parts.map((part) => (
          <Group key={part.name} gap={7} wrap="nowrap">
            <Box w={10} h={10} bg={part.color} style={{ borderRadius: 3 }} />
            <Text size="xs" c="dimmed">
              {part.name} {number(part.value)}
            </Text>
          </Group>
        ))}
      </Group>
    </div>
  );
}

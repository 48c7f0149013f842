import { Badge, Group, Text } from '@mantine/core';

/** There is nothing to show. */
export function Dash() {
  return (
    <Text span c="dimmed" size="sm">
      –
    </Text>
  );
}

const SHOWN_TAGS = 3;

/** Tags in a row of a table: the first few, and how many more there are. */
export function Tags({ tags }: { tags: string[] }) {
  if (tags.length === 0) return <Dash />;
  return (
    <Group gap={4}>
      {tags.slice(0, SHOWN_TAGS).map((tag) => (
        <Badge key={tag} variant="default" size="sm" fw={500} miw={0} maw={160} title={tag}>
          {tag}
        </Badge>
      ))}
      {tags.length > SHOWN_TAGS && (
        <Text size="xs" c="dimmed" title={tags.slice(SHOWN_TAGS).join(', ')}>
          +{tags.length - SHOWN_TAGS}
        </Text>
      )}
    </Group>
  );
}

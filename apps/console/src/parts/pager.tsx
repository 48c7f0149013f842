import { Group, Pagination, Text } from '@mantine/core';

interface PagerProps {
  /** From 1. */
  page: number;
  pageSize: number;
  total: number;
  /** What is counted, in the plural. */
  noun: string;
  onPage: (page: number) => void;
}

/** Where one is in a list, and the way to its other pages. */
export function Pager({ page, pageSize, total, noun, onPage }: PagerProps) {
  const pages = Math.max(1, Math.ceil(total / pageSize));
  const first = total === 0 ? 0 : (page - 1) * pageSize + 1;
  const last = Math.min(page * pageSize, total);
  return (
    <Group justify="space-between" px="md" py="sm" gap="sm">
      <Text size="sm" c="dimmed" role="status">
        {first > last ? `${number(total)} ${noun}` : `${number(first)}–${number(last)} of ${number(total)} ${noun}`}
      </Text>
      {pages > 1 && (
        <Pagination
          size="sm"
          total={pages}
          value={page}
          onChange={onPage}
          siblings={1}
          getItemProps={(item) => ({ 'aria-label': `Page ${item}` })}
          getControlProps={(control) => ({ 'aria-label': `${control} page` })}
        />
      )}
    </Group>
  );
}

const format = new Intl.NumberFormat('en');
export function number(value: number): string {
  return format.format(value);
}

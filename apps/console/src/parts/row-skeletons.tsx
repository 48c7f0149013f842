import { Skeleton, Stack } from '@mantine/core';

/** A list that is being loaded. */
export function RowSkeletons({ rows = 6, label }: { rows?: number; label: string }) {
  return (
    <Stack p="md" gap="md" aria-busy="true" aria-label={label} role="status">
      {Array.from({ length: rows }, (_, index) => (
        <Skeleton key={index} height={26} radius="sm" />
      ))}
    </Stack>
  );
}

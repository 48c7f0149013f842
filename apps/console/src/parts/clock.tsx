import { Badge, Tooltip } from '@mantine/core';
import { CLOCK_OFF_MS } from '@marquee/contracts';

/** Marks a screen whose clock is off by more than it may be; nothing otherwise. */
export function ClockMark({ offsetMs }: { offsetMs: number | null }) {
  if (offsetMs === null || Math.abs(offsetMs) <= CLOCK_OFF_MS) return null;
  return (
    <Tooltip label="Its own clock differs so much from the server’s. It plays by the server’s time as long as it knows the difference.">
      <Badge variant="light" color="orange" size="sm" mt={2}>
        clock {offsetWords(offsetMs)}
      </Badge>
    </Tooltip>
  );
}

/** `1.2 s behind`, `3 min ahead`: of a screen's clock, given what the server has more than it. */
export function offsetWords(offsetMs: number): string {
  const ms = Math.abs(offsetMs);
  const side = offsetMs > 0 ? 'behind' : 'ahead';
  if (ms < 1000) return `${Math.round(ms)} ms ${side}`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s ${side}`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min ${side}`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h ${side}`;
  return `${Math.round(ms / 86_400_000)} days ${side}`;
}

import { Group } from '@mantine/core';
import { type ContactAudience, contactAudience, countedAudience, type ScreenAudience, screenAudience } from '@marquee/contracts';
import type { ReactNode } from 'react';
import { number } from './pager.js';

/** Says who an audience is; `noun` is what its members are. */
export function audienceWords(audience: Record<string, unknown>, noun: 'screens' | 'contacts'): ReactNode {
  const counted = countedAudience.safeParse(audience);
  if (counted.success) return `${number(counted.data.count)} made up`;
  const parsed = screenAudience.or(contactAudience).safeParse(audience);
  if (!parsed.success) return 'Of its own kind';
  return wordsOf(parsed.data, noun);
}

function wordsOf(audience: ScreenAudience | ContactAudience, noun: 'screens' | 'contacts'): ReactNode {
  if ('all' in audience) return `All ${noun}`;
  if ('ids' in audience) return audience.ids.length === 1 ? audience.ids[0] : `${number(audience.ids.length)} single ${noun}`;
  const groups = 'groups' in audience ? audience.groups : undefined;
  const { tags } = audience;
  const parts = [
    groups === undefined ? undefined : `Groups: ${few(groups)}`,
    tags?.any === undefined ? undefined : `Any tag of: ${few(tags.any)}`,
    tags?.all === undefined ? undefined : `All tags: ${few(tags.all)}`,
    tags?.none === undefined ? undefined : `No tag of: ${few(tags.none)}`,
  ];
  return (
    <Group gap={2} component="span" style={{ flexDirection: 'column', alignItems: 'flex-start' }}>
      {parts
        .filter((part) => part !== undefined)
        .map((part) => (
          <span key={part}>{part}</span>
        ))}
    </Group>
  );
}

function few(names: string[]): string {
  return names.length <= 4 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}

import { Group, SegmentedControl, SimpleGrid, TagsInput, Text, Textarea } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { queries } from '../api/queries.js';
import { useKnownNames } from '../screens/known-names.js';
import { type AudienceDraft, audienceOf } from './audience.js';
import { number } from './pager.js';

const CHOICES: { value: AudienceDraft['audience']; label: string }[] = [
  { value: 'all', label: 'All' },
  { value: 'groups', label: 'Groups' },
  { value: 'tags', label: 'Tags' },
  { value: 'ids', label: 'Device ids' },
];

interface AudiencePickerProps {
  value: AudienceDraft;
  /** By field of the draft. */
  errors: Record<string, ReactNode>;
  /** Told the fields that changed. */
  onChange: (part: Partial<AudienceDraft>) => void;
}

/** Which screens are meant: all, or some by group, tag or id. */
export function AudiencePicker({ value, errors, onChange }: AudiencePickerProps) {
  const known = useKnownNames();
  const names = (field: 'groups' | 'tagsAny' | 'tagsAll' | 'tagsNone', label: string, data: string[]) => (
    <TagsInput
      label={label}
      data={data}
      placeholder={value[field].length === 0 ? 'Type, then Enter' : ''}
      acceptValueOnBlur
      clearable
      value={value[field]}
      error={errors[field]}
      onChange={(next) => onChange({ [field]: next })}
    />
  );
  return (
    <>
      <SegmentedControl
        aria-label="Audience"
        data={CHOICES}
        value={value.audience}
        onChange={(next) => onChange({ audience: CHOICES.find((choice) => choice.value === next)?.value ?? 'all' })}
        style={{ alignSelf: 'flex-start', maxWidth: '100%' }}
      />
      {errors['audience'] !== undefined && (
        <Text size="xs" c="red" role="alert">
          {errors['audience']}
        </Text>
      )}
      {value.audience === 'groups' && names('groups', 'In any of these groups', known.groups)}
      {value.audience === 'tags' && (
        <SimpleGrid cols={{ base: 1, sm: 3 }}>
          {names('tagsAny', 'With any of', known.tags)}
          {names('tagsAll', 'With all of', known.tags)}
          {names('tagsNone', 'With none of', known.tags)}
        </SimpleGrid>
      )}
      {value.audience === 'ids' && (
        <Textarea
          label="Device ids"
          description="One a line, or separated by commas."
          autosize
          minRows={3}
          maxRows={10}
          spellCheck={false}
          value={value.ids}
          error={errors['ids']}
          onChange={(event) => onChange({ ids: event.currentTarget.value })}
        />
      )}
    </>
  );
}

/** How many screens the audience is right now, asked a moment after the last change. */
export function AudienceCount({ draft }: { draft: AudienceDraft }) {
  const [settled] = useDebouncedValue(draft, 350);
  const named = audienceOf(settled);
  const count = useQuery({
    ...queries.audienceCount({ channel: 'screen', audience: 'audience' in named ? named.audience : { all: true } }),
    enabled: 'audience' in named,
  });
  return (
    <Group gap={6} role="status" aria-live="polite">
      {'audience' in named && count.data !== undefined && (
        <Text size="sm" fw={600} c={count.data.count === 0 ? 'orange' : 'inherit'} data-testid="audience-count">
          {count.data.count === 1 ? '1 screen' : `${number(count.data.count)} screens`}
        </Text>
      )}
      {'audience' in named && count.isPending && (
        <Text size="sm" c="dimmed">
          counting…
        </Text>
      )}
      {'audience' in named && count.isError && (
        <Text size="sm" c="dimmed">
          cannot be counted now
        </Text>
      )}
      {'audience' in named && draft.audience === 'all' && (
        <Text size="sm" c="dimmed">
          and those that join later
        </Text>
      )}
    </Group>
  );
}

import { Group, SegmentedControl, SimpleGrid, TagsInput, Text, Textarea } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { queries } from '../../api/queries.js';
import { number } from '../../parts/pager.js';
import { useKnownNames } from '../../screens/known-names.js';
import { Section } from '../../parts/section.js';
import { audienceOf } from './audience.js';
import type { Draft } from './draft.js';
import type { CampaignForm } from './use-campaign-form.js';

const CHOICES: { value: Draft['audience']; label: string }[] = [
  { value: 'all', label: 'All' },
  { value: 'groups', label: 'Groups' },
  { value: 'tags', label: 'Tags' },
  { value: 'ids', label: 'Device ids' },
];

export function AudienceSection({ form }: { form: CampaignForm }) {
  const { audience } = form.values;
  const known = useKnownNames();
  return (
    <Section title="Audience" hint="Which screens it is meant for." action={<LiveCount draft={form.values} />}>
      <SegmentedControl
        aria-label="Audience"
        data={CHOICES}
        value={audience}
        onChange={(value) => form.setFieldValue('audience', CHOICES.find((choice) => choice.value === value)?.value ?? 'all')}
        style={{ alignSelf: 'flex-start', maxWidth: '100%' }}
      />
      {form.errors['audience'] !== undefined && (
        <Text size="xs" c="red" role="alert">
          {form.errors['audience']}
        </Text>
      )}
      {audience === 'groups' && <NamesInput form={form} field="groups" label="In any of these groups" data={known.groups} />}
      {audience === 'tags' && (
        <SimpleGrid cols={{ base: 1, sm: 3 }}>
          <NamesInput form={form} field="tagsAny" label="With any of" data={known.tags} />
          <NamesInput form={form} field="tagsAll" label="With all of" data={known.tags} />
          <NamesInput form={form} field="tagsNone" label="With none of" data={known.tags} />
        </SimpleGrid>
      )}
      {audience === 'ids' && (
        <Textarea
          label="Device ids"
          description="One a line, or separated by commas."
          autosize
          minRows={3}
          maxRows={10}
          spellCheck={false}
          {...form.getInputProps('ids')}
        />
      )}
    </Section>
  );
}

function NamesInput(props: { form: CampaignForm; field: 'groups' | 'tagsAny' | 'tagsAll' | 'tagsNone'; label: string; data: string[] }) {
  const { form, field, label, data } = props;
  return (
    <TagsInput
      label={label}
      data={data}
      placeholder={form.values[field].length === 0 ? 'Type, then Enter' : ''}
      acceptValueOnBlur
      clearable
      {...form.getInputProps(field)}
    />
  );
}

/** How many screens the audience is right now, asked a moment after the last change. */
function LiveCount({ draft }: { draft: Draft }) {
  const [settled] = useDebouncedValue(draft, 350);
  const named = audienceOf(settled);
  const count = useQuery({
    ...queries.audienceCount('audience' in named ? named.audience : { all: true }),
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

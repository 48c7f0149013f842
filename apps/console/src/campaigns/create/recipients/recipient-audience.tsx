import { NumberInput, SegmentedControl, SimpleGrid, TagsInput, Text, Textarea } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { MAX_COUNTED, rehearsalAudience } from '@marquee/contracts';
import { useQuery } from '@tanstack/react-query';
import { queries } from '../../../api/queries.js';
import { number } from '../../../parts/pager.js';
import { Section } from '../../../parts/section.js';
import { audienceOf } from './recipient-body.js';
import type { RecipientChannel, RecipientDraft } from './recipient-draft.js';
import type { RecipientForm } from './use-recipient-form.js';

const CHOICES: { value: RecipientDraft['audience']; label: string }[] = [
  { value: 'all', label: 'All contacts' },
  { value: 'tags', label: 'Tags' },
  { value: 'ids', label: 'Contact ids' },
];
const MADE_UP = { value: 'count' as const, label: 'A number' };

export function RecipientAudience({ form, channel }: { form: RecipientForm; channel: RecipientChannel }) {
  const { audience } = form.values;
  const choices = channel === 'null' ? [MADE_UP, ...CHOICES] : CHOICES;
  const tags = (field: 'tagsAny' | 'tagsAll' | 'tagsNone', label: string) => (
    <TagsInput label={label} placeholder="Type, then Enter" acceptValueOnBlur clearable {...form.getInputProps(field)} />
  );
  return (
    <Section title="Audience" hint="Read when it starts, not now." action={<ContactCount draft={form.values} />}>
      <SegmentedControl
        aria-label="Audience"
        data={choices}
        value={audience}
        onChange={(next) => form.setFieldValue('audience', choices.find((choice) => choice.value === next)?.value ?? 'all')}
        style={{ alignSelf: 'flex-start', maxWidth: '100%' }}
      />
      {form.errors['audience'] !== undefined && (
        <Text size="xs" c="red" role="alert">
          {form.errors['audience']}
        </Text>
      )}
      {audience === 'count' && (
        <NumberInput
          label="Recipients"
          description="Made up for the rehearsal."
          min={1}
          max={MAX_COUNTED}
          allowDecimal={false}
          thousandSeparator=","
          maw={340}
          {...form.getInputProps('count')}
        />
      )}
      {audience === 'tags' && (
        <SimpleGrid cols={{ base: 1, sm: 3 }}>
          {tags('tagsAny', 'With any of')}
          {tags('tagsAll', 'With all of')}
          {tags('tagsNone', 'With none of')}
        </SimpleGrid>
      )}
      {audience === 'ids' && (
        <Textarea
          label="Contact ids"
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

/** How many contacts the audience is right now, asked a moment after the last change; nothing while it is not complete or made up. */
function ContactCount({ draft }: { draft: RecipientDraft }) {
  const [settled] = useDebouncedValue(draft, 350);
  const missing: Record<string, string> = {};
  const named = rehearsalAudience.safeParse(audienceOf(settled, missing));
  const audience = named.success && !('count' in named.data) && Object.keys(missing).length === 0 ? named.data : undefined;
  const count = useQuery({
    ...queries.audienceCount({ channel: 'webhook', audience: audience ?? { all: true } }),
    enabled: audience !== undefined,
  });
  if (audience === undefined || count.data === undefined) return null;
  return (
    <Text size="sm" fw={600} c={count.data.count === 0 ? 'orange' : 'inherit'} role="status">
      {count.data.count === 1 ? '1 contact' : `${number(count.data.count)} contacts`}
    </Text>
  );
}

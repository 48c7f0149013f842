import { SimpleGrid, TextInput } from '@mantine/core';
import { formatTime, relative, useNow } from '../../parts/time.js';
import { Section } from '../../parts/section.js';
import { fromLocalInput } from './draft.js';
import type { CampaignForm } from './use-campaign-form.js';

export function BasicsSection({ form }: { form: CampaignForm }) {
  return (
    <Section title="What and when">
      <TextInput
        label="Name"
        placeholder="Spring sale, shop windows"
        required
        maxLength={200}
        data-autofocus
        {...form.getInputProps('name')}
      />
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <MomentInput form={form} field="startAt" label="Start" />
        <MomentInput form={form} field="expireAt" label="End" />
      </SimpleGrid>
    </Section>
  );
}

function MomentInput({ form, field, label }: { form: CampaignForm; field: 'startAt' | 'expireAt'; label: string }) {
  const now = useNow();
  const at = fromLocalInput(form.values[field]);
  return (
    <TextInput
      type="datetime-local"
      label={label}
      required
      max="9999-12-31T23:59"
      description={at === undefined ? 'In your own time zone' : `${formatTime(at)}, ${relative(at, now)}`}
      inputWrapperOrder={['label', 'input', 'description', 'error']}
      {...form.getInputProps(field)}
    />
  );
}

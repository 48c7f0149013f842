import { Chip, Group, Input, NumberInput, Radio, Select, SimpleGrid, Stack, Switch, TextInput } from '@mantine/core';
import { Section } from '../../parts/section.js';
import type { CampaignForm } from './use-campaign-form.js';

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** `edits`: of a campaign that there is, whose dispatch is settled. */
export function DeliverySection({ form, edits = false }: { form: CampaignForm; edits?: boolean }) {
  return (
    <Section title={edits ? 'Playing' : 'Delivery and playing'}>
      {!edits && (
        <Radio.Group label="Dispatch" {...form.getInputProps('dispatch')}>
          <Stack gap="xs" mt={6}>
            <Radio value="auto" label="Hand it over as soon as it is built" description="Screens install it ahead of its start." />
            <Radio value="manual" label="Wait for me" description="It is built, and handed over when you dispatch it." />
          </Stack>
        </Radio.Group>
      )}
      <NumberInput
        label="Priority"
        description="From -10 to 10. Of the campaigns on air, a screen shows only those with the highest."
        min={-10}
        max={10}
        allowDecimal={false}
        maw={340}
        {...form.getInputProps('priority')}
      />
      <Switch
        label="Only at certain hours"
        checked={form.values.hasWindow}
        onChange={(event) => form.setFieldValue('hasWindow', event.currentTarget.checked)}
      />
      {form.values.hasWindow && <PlayWindowFields form={form} />}
    </Section>
  );
}

function PlayWindowFields({ form }: { form: CampaignForm }) {
  return (
    <Stack gap="md">
      <Input.Wrapper label="Days" error={form.errors['window.days']} labelElement="div">
        <Chip.Group multiple value={form.values.window.days} onChange={(days) => form.setFieldValue('window.days', days)}>
          <Group gap={6} mt={4} role="group" aria-label="Days">
            {DAYS.map((day, index) => (
              <Chip key={day} value={String(index + 1)} size="sm">
                {day}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
      </Input.Wrapper>
      <SimpleGrid cols={{ base: 2, sm: 3 }}>
        <TextInput type="time" label="From" {...form.getInputProps('window.from')} />
        <TextInput
          type="time"
          label="To"
          description={overMidnight(form) ? 'On the next day' : undefined}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          {...form.getInputProps('window.to')}
        />
        <Select label="Time zone" data={zones()} searchable allowDeselect={false} limit={80} {...form.getInputProps('window.timeZone')} />
      </SimpleGrid>
    </Stack>
  );
}

function overMidnight(form: CampaignForm): boolean {
  const { from, to } = form.values.window;
  return from !== '' && to !== '' && to < from;
}

/** Time zones to choose from, the reader's own first. */
export function zones(): string[] {
  const own = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  return [...new Set([own, 'UTC', ...Intl.supportedValuesOf('timeZone')])];
}

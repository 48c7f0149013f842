import { Button, NumberInput, Radio, Select, SimpleGrid, Stack, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';
import { Section } from '../../../parts/section.js';
import { FormFailure } from '../form-failure.js';
import { zones } from '../delivery-section.js';
import { FormBar } from '../form-bar.js';
import { RehearsalFields, WebhookFields } from './content-fields.js';
import { RecipientAudience } from './recipient-audience.js';
import type { RecipientChannel } from './recipient-draft.js';
import { type RecipientForm, useRecipientForm } from './use-recipient-form.js';

/** The form of a campaign that is sent to recipients one by one. `head` stands above its fields. */
export function RecipientFormPage({ channel, head, className }: { channel: RecipientChannel; head: ReactNode; className: string }) {
  const { form, submit, sending, failure, keyUsed, asNew } = useRecipientForm(channel);
  return (
    <form onSubmit={submit} noValidate className={className} aria-label="New campaign">
      {head}
      <Stack gap="lg">
        <Section title="What">
          <TextInput
            label="Name"
            placeholder={channel === 'null' ? 'Rehearsal of Monday' : 'Order confirmations'}
            required
            maxLength={200}
            data-autofocus
            {...form.getInputProps('name')}
          />
        </Section>
        {channel === 'webhook' ? <WebhookFields form={form} /> : <RehearsalFields form={form} />}
        <RecipientAudience form={form} channel={channel} />
        <SendingSection form={form} channel={channel} />
        {failure !== undefined && (
          <FormFailure failure={failure}>
            {keyUsed && (
              <Button mt="sm" size="xs" variant="default" onClick={asNew}>
                Create it as another campaign
              </Button>
            )}
          </FormFailure>
        )}
      </Stack>
      <FormBar sending={sending} />
    </form>
  );
}

function ScheduleFields({ form }: { form: RecipientForm }) {
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }}>
      <TextInput
        label="Cron expression"
        description="Minute, hour, day, month, weekday; seconds in front where six"
        spellCheck={false}
        {...form.getInputProps('schedule.cron')}
      />
      <Select
        label="Time zone"
        description="The clock that the expression is read by"
        data={zones()}
        searchable
        allowDeselect={false}
        limit={80}
        {...form.getInputProps('schedule.timeZone')}
      />
      <Select
        label="While the one before still runs"
        data={[
          { value: 'skip', label: 'Leave it out' },
          { value: 'queue', label: 'Start it afterwards' },
        ]}
        allowDeselect={false}
        {...form.getInputProps('schedule.overlap')}
      />
      <Select
        label="Times that passed while nothing ran here"
        data={[
          { value: 'none', label: 'Leave them out' },
          { value: 'one', label: 'Make up for the last' },
          { value: 'all', label: 'Make up for all' },
        ]}
        allowDeselect={false}
        {...form.getInputProps('schedule.catchUp')}
      />
    </SimpleGrid>
  );
}

const ON_UNKNOWN_CHOICES = [
  { value: 'hold', label: 'Hold them for me to decide' },
  { value: 'retry', label: 'Send them again' },
  { value: 'fail', label: 'Take them for failed' },
];

function SendingSection({ form, channel }: { form: RecipientForm; channel: RecipientChannel }) {
  return (
    <Section title="Sending">
      <Radio.Group label="Dispatch" {...form.getInputProps('dispatch')}>
        <Stack gap="xs" mt={6}>
          <Radio value="manual" label="Wait for me" description="It is sent when you dispatch it." />
          <Radio value="auto" label="By itself" description="It is sent at its start, at once where none is given." />
          <Radio value="recurring" label="Again and again" description="It is sent to its audience at each time of a schedule." />
        </Stack>
      </Radio.Group>
      {form.values.dispatch === 'recurring' && <ScheduleFields form={form} />}
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <TextInput type="datetime-local" label="Start" description="Optional" max="9999-12-31T23:59" {...form.getInputProps('startAt')} />
        <TextInput
          type="datetime-local"
          label="End"
          description="Optional; nothing is sent after it"
          max="9999-12-31T23:59"
          {...form.getInputProps('expireAt')}
        />
        <NumberInput
          label="At most"
          description="Sends that start in any one second"
          placeholder="as many as it can"
          min={1}
          max={1_000_000}
          allowDecimal={false}
          thousandSeparator=","
          suffix=" a second"
          {...form.getInputProps('perSecond')}
        />
        <NumberInput
          label="Priority"
          description="From -10 to 10; higher goes first"
          min={-10}
          max={10}
          allowDecimal={false}
          {...form.getInputProps('priority')}
        />
      </SimpleGrid>
      {channel === 'webhook' && (
        <Select
          label="Sends of which nobody knows how they ended"
          data={ON_UNKNOWN_CHOICES}
          allowDeselect={false}
          maw={440}
          {...form.getInputProps('onUnknown')}
        />
      )}
    </Section>
  );
}

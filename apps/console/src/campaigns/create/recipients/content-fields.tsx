import { JsonInput, NumberInput, PasswordInput, SimpleGrid, Textarea, TextInput } from '@mantine/core';
import { MAX_REHEARSED_LATENCY_MS } from '@marquee/contracts';
import { Section } from '../../../parts/section.js';
import type { RecipientForm } from './use-recipient-form.js';

export function WebhookFields({ form }: { form: RecipientForm }) {
  return (
    <Section title="Webhook" hint="Each recipient is one POST, under the delivery’s id as its idempotency key.">
      <TextInput label="Address (URL)" placeholder="https://example.com/hook" required spellCheck={false} {...form.getInputProps('url')} />
      <PasswordInput
        label="Secret"
        description="Signs each post (X-Marquee-Signature). It is not shown again."
        autoComplete="new-password"
        {...form.getInputProps('secret')}
      />
      <Textarea
        label="Headers"
        description="One a line: Name: value."
        placeholder="X-Shop: north"
        autosize
        minRows={2}
        maxRows={8}
        spellCheck={false}
        {...form.getInputProps('headers')}
      />
      <JsonInput
        label="Data"
        description="A JSON object that goes to every recipient as it is."
        placeholder={'{ "offer": "spring" }'}
        autosize
        minRows={3}
        maxRows={12}
        spellCheck={false}
        {...form.getInputProps('data')}
      />
    </Section>
  );
}

export function RehearsalFields({ form }: { form: RecipientForm }) {
  return (
    <Section title="Rehearsal" hint="Nothing is sent to anybody; everything around it is real.">
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <NumberInput
          label="Time a send takes"
          min={0}
          max={MAX_REHEARSED_LATENCY_MS}
          allowDecimal={false}
          suffix=" ms"
          {...form.getInputProps('latencyMs')}
        />
        <NumberInput label="Sends that fail" min={0} max={100} decimalScale={3} suffix=" %" {...form.getInputProps('failurePercent')} />
      </SimpleGrid>
    </Section>
  );
}

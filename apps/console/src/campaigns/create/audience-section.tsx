import { AudienceCount, AudiencePicker } from '../../parts/audience-picker.js';
import { Section } from '../../parts/section.js';
import type { CampaignForm } from './use-campaign-form.js';

export function AudienceSection({ form }: { form: CampaignForm }) {
  return (
    <Section title="Audience" hint="Which screens it is meant for." action={<AudienceCount draft={form.values} />}>
      <AudiencePicker
        value={form.values}
        errors={form.errors}
        onChange={(part) => {
          form.setValues(part);
          for (const field of Object.keys(part)) form.clearFieldError(field);
        }}
      />
    </Section>
  );
}

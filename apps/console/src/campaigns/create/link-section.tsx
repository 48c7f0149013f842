import { Select, SimpleGrid, TextInput } from '@mantine/core';
import { QR_PLACES } from '@marquee/contracts';
import { Section } from '../../parts/section.js';
import type { CampaignForm } from './use-campaign-form.js';

const PLACE_WORDS: Record<(typeof QR_PLACES)[number], string> = {
  'bottom-right': 'Bottom right',
  'bottom-left': 'Bottom left',
  'top-right': 'Top right',
  'top-left': 'Top left',
  none: 'Not on the slides',
};

/** Where the QR code leads that is drawn over the slides, and where it stands. */
export function LinkSection({ form }: { form: CampaignForm }) {
  return (
    <Section title="QR code" hint="Phones that scan it are led to the link, and counted as clicks of the slide and the screen.">
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextInput
          label="Link"
          type="url"
          inputMode="url"
          placeholder="https://"
          description="Leave it empty for no QR code."
          {...form.getInputProps('clickUrl')}
        />
        {form.values.clickUrl.trim() !== '' && (
          <Select
            label="Place of the code"
            description="Over every slide."
            data={QR_PLACES.map((value) => ({ value, label: PLACE_WORDS[value] }))}
            allowDeselect={false}
            {...form.getInputProps('qrPosition')}
          />
        )}
      </SimpleGrid>
    </Section>
  );
}

import { ColorInput, Select, SimpleGrid, Textarea } from '@mantine/core';
import { FITS, TRANSITIONS } from '@marquee/contracts';
import { Section } from '../../parts/section.js';
import type { CampaignForm } from './use-campaign-form.js';

const FIT_WORDS: Record<(typeof FITS)[number], string> = {
  contain: 'Show all of it',
  cover: 'Fill, cut the edges',
  fill: 'Stretch to fill',
};
const TRANSITION_WORDS: Record<(typeof TRANSITIONS)[number], string> = { none: 'Cut', fade: 'Fade', slide: 'Slide' };

export function AppearanceSection({ form }: { form: CampaignForm }) {
  return (
    <Section title="Appearance">
      <SimpleGrid cols={{ base: 1, sm: 3 }}>
        <Select
          label="Fit"
          data={FITS.map((value) => ({ value, label: FIT_WORDS[value] }))}
          allowDeselect={false}
          {...form.getInputProps('fit')}
        />
        <Select
          label="Transition"
          data={TRANSITIONS.map((value) => ({ value, label: TRANSITION_WORDS[value] }))}
          allowDeselect={false}
          {...form.getInputProps('transition')}
        />
        <ColorInput
          label="Background"
          format="hex"
          swatches={['#000000', '#ffffff', '#1c232f', '#0f766e', '#7c2d12', '#1e3a8a']}
          {...form.getInputProps('background')}
        />
      </SimpleGrid>
      <Textarea
        label="Text over the slides"
        description="Shown as it is typed; leave it empty for none."
        autosize
        minRows={1}
        maxRows={5}
        maxLength={2000}
        {...form.getInputProps('text')}
      />
    </Section>
  );
}

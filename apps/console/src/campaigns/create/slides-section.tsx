import { Button, Text } from '@mantine/core';
import { MAX_ASSETS } from '@marquee/contracts';
import { IconPlus } from '@tabler/icons-react';
import { Section } from '../../parts/section.js';
import { emptySlide } from './draft.js';
import { SlideCard } from './slide-card.js';
import type { CampaignForm } from './use-campaign-form.js';
import type { Uploads } from './use-uploads.js';

export function SlidesSection({ form, uploads }: { form: CampaignForm; uploads: Uploads }) {
  const { slides } = form.values;
  const error = form.errors['slides'];
  return (
    <Section title="Slides" hint="Shown one after the other, and again from the first.">
      {slides.map((slide, index) => (
        <SlideCard key={slide.key} form={form} uploads={uploads} slide={slide} index={index} count={slides.length} />
      ))}
      {error !== undefined && (
        <Text size="sm" c="red" role="alert">
          {error}
        </Text>
      )}
      <div>
        <Button
          variant="default"
          leftSection={<IconPlus size={17} />}
          disabled={slides.length >= MAX_ASSETS}
          onClick={() => form.insertListItem('slides', emptySlide())}
        >
          Add a slide
        </Button>
      </div>
    </Section>
  );
}

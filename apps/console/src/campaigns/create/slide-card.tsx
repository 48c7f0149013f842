import { ActionIcon, Group, NumberInput, SegmentedControl, Select, Stack, Text, TextInput, Tooltip } from '@mantine/core';
import { ASSET_TYPES, type AssetType } from '@marquee/contracts';
import { IconArrowDown, IconArrowUp, IconTrash } from '@tabler/icons-react';
import classes from './create.module.css';
import { asKind, assetTypeOf, type SlideDraft } from './draft.js';
import { SlideFile } from './slide-file.js';
import { SlidePreview } from './slide-preview.js';
import type { CampaignForm } from './use-campaign-form.js';
import type { Uploads } from './use-uploads.js';

interface SlideCardProps {
  form: CampaignForm;
  uploads: Uploads;
  slide: SlideDraft;
  index: number;
  count: number;
}

const KINDS: { value: AssetType; label: string }[] = [
  { value: 'image', label: 'Image' },
  { value: 'video', label: 'Video' },
  { value: 'html', label: 'HTML page' },
];

export function SlideCard({ form, uploads, slide, index, count }: SlideCardProps) {
  const title = `Slide ${index + 1}`;
  const set = (part: Partial<SlideDraft>) => form.replaceListItem('slides', index, { ...slide, ...part });
  const changeSource = (source: string) => {
    uploads.drop(slide.key);
    form.clearFieldError(`slides.${index}.url`);
    set({ source: source === 'url' ? 'url' : 'upload', url: '' });
  };
  return (
    <div className={classes.slide} role="group" aria-label={title}>
      <SlidePreview slide={slide} upload={uploads.of(slide.key)} />
      <Stack gap="sm" miw={0}>
        <Group justify="space-between" gap="xs">
          <Text fw={600} size="sm">
            {title}
          </Text>
          <SlideOrder form={form} uploads={uploads} slide={slide} index={index} count={count} />
        </Group>
        <SegmentedControl
          size="xs"
          aria-label={`${title}: where it comes from`}
          data={[
            { value: 'upload', label: 'Upload a file' },
            { value: 'url', label: 'Address (URL)' },
          ]}
          value={slide.source}
          onChange={changeSource}
          style={{ alignSelf: 'flex-start' }}
        />
        {slide.source === 'upload' ? (
          <SlideFile
            title={title}
            slide={slide}
            uploads={uploads}
            error={form.errors[`slides.${index}.url`]}
            onForget={() => set({ url: '' })}
          />
        ) : (
          <TextInput
            label="Address"
            placeholder="https://…"
            type="url"
            inputMode="url"
            required
            {...form.getInputProps(`slides.${index}.url`)}
            onChange={({ currentTarget: { value } }) => {
              form.clearFieldError(`slides.${index}.url`);
              set(asKind({ ...slide, url: value }, assetTypeOf(value) ?? slide.assetType));
            }}
          />
        )}
        <Group gap="sm" align="flex-start">
          <Select
            label="Kind"
            data={KINDS}
            w={140}
            allowDeselect={false}
            {...form.getInputProps(`slides.${index}.assetType`)}
            onChange={(value) => set(asKind(slide, ASSET_TYPES.find((type) => type === value) ?? 'image'))}
          />
          <NumberInput
            label="Shown for"
            suffix=" s"
            min={0.1}
            max={86_400}
            step={1}
            decimalScale={1}
            w={170}
            placeholder={slide.assetType === 'video' ? 'its own length' : '10 s'}
            description={slide.assetType === 'video' ? 'Empty: the video’s own length' : undefined}
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            {...form.getInputProps(`slides.${index}.seconds`)}
          />
        </Group>
      </Stack>
    </div>
  );
}

function SlideOrder({ form, uploads, slide, index, count }: SlideCardProps) {
  const name = `slide ${index + 1}`;
  const move = (to: number) => form.reorderListItem('slides', { from: index, to });
  const remove = () => {
    uploads.drop(slide.key);
    form.removeListItem('slides', index);
  };
  return (
    <Group gap={4}>
      <OrderButton label={`Move ${name} up`} disabled={index === 0} onClick={() => move(index - 1)}>
        <IconArrowUp size={16} />
      </OrderButton>
      <OrderButton label={`Move ${name} down`} disabled={index === count - 1} onClick={() => move(index + 1)}>
        <IconArrowDown size={16} />
      </OrderButton>
      <OrderButton label={`Remove ${name}`} disabled={count === 1} onClick={remove}>
        <IconTrash size={16} />
      </OrderButton>
    </Group>
  );
}

function OrderButton({
  label,
  disabled,
  onClick,
  children,
}: {
  label: string;
  disabled: boolean;
  onClick: () => void;
  children: React.ReactNode;
}) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" aria-label={label} disabled={disabled} onClick={onClick}>
        {children}
      </ActionIcon>
    </Tooltip>
  );
}

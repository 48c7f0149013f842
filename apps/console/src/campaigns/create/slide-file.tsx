import { Button, FileButton, Group, Progress, Stack, Text } from '@mantine/core';
import { IconCheck, IconUpload } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { formatBytes } from '../../parts/bytes.js';
import type { SlideDraft } from './draft.js';
import type { Upload, Uploads } from './use-uploads.js';

interface SlideFileProps {
  title: string;
  slide: SlideDraft;
  uploads: Uploads;
  error: ReactNode;
  /** The slide's file is no longer the stored one. */
  onForget: () => void;
}

/** Chooses and uploads the file of a slide. */
export function SlideFile({ title, slide, uploads, error, onForget }: SlideFileProps) {
  const upload = uploads.of(slide.key);
  const choose = (file: File | null) => {
    if (file === null) return;
    onForget();
    uploads.start(slide.key, file);
  };
  return (
    <Stack gap={6}>
      <Group gap="sm" wrap="nowrap">
        <FileButton onChange={choose} accept="image/*,video/*,text/html,.html,.htm" inputProps={{ 'aria-label': `${title}: file` }}>
          {(button) => (
            <Button
              {...button}
              size="xs"
              variant="light"
              leftSection={<IconUpload size={15} />}
              aria-invalid={error !== undefined}
              style={{ flexShrink: 0 }}
            >
              {upload === undefined ? 'Choose a file' : 'Choose another'}
            </Button>
          )}
        </FileButton>
        {upload !== undefined && (
          <Text size="sm" truncate>
            {upload.name}{' '}
            <Text span c="dimmed" size="xs">
              ({formatBytes(upload.sizeBytes)})
            </Text>
          </Text>
        )}
      </Group>
      {upload !== undefined && <UploadState upload={upload} title={title} />}
      {error !== undefined && (
        <Text size="xs" c="red" role="alert">
          {error}
        </Text>
      )}
    </Stack>
  );
}

function UploadState({ upload, title }: { upload: Upload; title: string }) {
  switch (upload.state) {
    case 'uploading':
      return <Progress value={upload.progress * 100} size="sm" animated aria-label={`${title}: upload`} />;
    case 'stored':
      return (
        <Group gap={5} c="green" role="status">
          <IconCheck size={15} aria-hidden="true" />
          <Text size="xs">Uploaded</Text>
        </Group>
      );
    case 'failed':
      return (
        <Text size="xs" c="red" role="alert">
          The upload failed: {upload.reason}
        </Text>
      );
  }
}

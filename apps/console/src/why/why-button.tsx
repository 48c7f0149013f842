import { Button, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { DEVICE_ID_PATTERN } from '@marquee/contracts';
import { IconHelpCircle } from '@tabler/icons-react';
import { type FormEvent, useState } from 'react';
import { WhyAnswer } from './why-answer.js';

interface WhyButtonProps {
  campaignId: string;
  deviceId: string;
  /** What the row is about: the screen on a campaign's page, the campaign on a screen's. */
  about: string;
}

/** Opens the answer to why the campaign of a row is or is not playing on its screen. */
export function WhyButton({ campaignId, deviceId, about }: WhyButtonProps) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button size="compact-xs" variant="default" onClick={open} aria-label={`Why? ${about}`}>
        Why?
      </Button>
      <Modal opened={opened} onClose={close} title={`Why? ${about}`}>
        <WhyAnswer campaignId={campaignId} deviceId={deviceId} />
      </Modal>
    </>
  );
}

/** Asks about any screen, also one that the campaign was never given to. */
export function AskWhy({ campaignId }: { campaignId: string }) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button size="xs" variant="default" leftSection={<IconHelpCircle size={15} />} onClick={open}>
        Why isn’t it playing?
      </Button>
      <Modal opened={opened} onClose={close} title="Why isn’t it playing?">
        <Question campaignId={campaignId} />
      </Modal>
    </>
  );
}

function Question({ campaignId }: { campaignId: string }) {
  const [text, setText] = useState('');
  const [asked, setAsked] = useState<string>();
  const valid = DEVICE_ID_PATTERN.test(text);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (valid) setAsked(text);
  };
  return (
    <Stack gap="md">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label="Screen"
            description="Its device id. Any screen, also one that is not in the list."
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            error={text === '' || valid ? null : 'Letters, digits, . _ : - only, at most 128.'}
            spellCheck={false}
            data-autofocus
          />
          <Button type="submit" disabled={!valid}>
            Ask
          </Button>
        </Stack>
      </form>
      {asked === undefined ? (
        <Text size="sm" c="dimmed">
          The answer names the first thing that stands in the way, as the server knows it at this moment.
        </Text>
      ) : (
        <WhyAnswer campaignId={campaignId} deviceId={asked} />
      )}
    </Stack>
  );
}

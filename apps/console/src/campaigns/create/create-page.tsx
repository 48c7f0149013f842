import { Button, SegmentedControl, Stack } from '@mantine/core';
import { CHANNELS, type ChannelName } from '@marquee/contracts';
import { type ReactNode, useState } from 'react';
import { LinkAnchor } from '../../parts/link-anchor.js';
import { PageTitle } from '../../parts/page-title.js';
import { AppearanceSection } from './appearance-section.js';
import { LinkSection } from './link-section.js';
import { AudienceSection } from './audience-section.js';
import { BasicsSection } from './basics-section.js';
import classes from './create.module.css';
import { DeliverySection } from './delivery-section.js';
import { FormBar } from './form-bar.js';
import { FormFailure } from './form-failure.js';
import { RecipientFormPage } from './recipients/recipient-page.js';
import { SlidesSection } from './slides-section.js';
import { useCreate } from './use-create.js';

const CHOICES: { value: ChannelName; label: string }[] = [
  { value: 'screen', label: 'Screens' },
  { value: 'webhook', label: 'Webhook' },
  { value: 'null', label: 'Rehearsal' },
];

export function CreatePage() {
  const [channel, setChannel] = useState<ChannelName>('screen');
  const head = (
    <>
      <PageTitle
        title="New campaign"
        lead={
          <>
            <LinkAnchor to="/" size="sm">
              Campaigns
            </LinkAnchor>{' '}
            / new
          </>
        }
      />
      <SegmentedControl
        aria-label="Channel"
        data={CHOICES}
        value={channel}
        onChange={(next) => setChannel(CHANNELS.find((each) => each === next) ?? 'screen')}
        mb="lg"
      />
    </>
  );
  if (channel === 'screen') return <ScreenForm head={head} />;
  return <RecipientFormPage key={channel} channel={channel} head={head} className={classes.form ?? ''} />;
}

function ScreenForm({ head }: { head: ReactNode }) {
  const { form, uploads, submit, sending, failure, keyUsed, asNew } = useCreate();
  return (
    <form onSubmit={submit} noValidate className={classes.form} aria-label="New campaign">
      {head}
      <Stack gap="lg">
        <BasicsSection form={form} />
        <SlidesSection form={form} uploads={uploads} />
        <AppearanceSection form={form} />
        <LinkSection form={form} />
        <AudienceSection form={form} />
        <DeliverySection form={form} />
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
      <FormBar sending={sending} uploading={uploads.busy} />
    </form>
  );
}

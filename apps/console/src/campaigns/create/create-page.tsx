import { Button, Group, Stack } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { LinkAnchor } from '../../parts/link-anchor.js';
import { PageTitle } from '../../parts/page-title.js';
import { AppearanceSection } from './appearance-section.js';
import { AudienceSection } from './audience-section.js';
import { BasicsSection } from './basics-section.js';
import classes from './create.module.css';
import { DeliverySection } from './delivery-section.js';
import { FormFailure } from './form-failure.js';
import { SlidesSection } from './slides-section.js';
import { useCreate } from './use-create.js';

export function CreatePage() {
  const { form, uploads, submit, sending, failure, keyUsed, asNew } = useCreate();
  return (
    <form onSubmit={submit} noValidate className={classes.form} aria-label="New campaign">
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
      <Stack gap="lg">
        <BasicsSection form={form} />
        <SlidesSection form={form} uploads={uploads} />
        <AppearanceSection form={form} />
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
      <div className={classes.bar}>
        <Group justify="flex-end" gap="sm">
          <Button component={Link} to="/" variant="default">
            Discard
          </Button>
          <Button type="submit" loading={sending} disabled={uploads.busy}>
            {uploads.busy ? 'Uploading…' : 'Create campaign'}
          </Button>
        </Group>
      </div>
    </form>
  );
}

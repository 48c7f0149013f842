import { Button, Group, Skeleton, Stack, Text } from '@mantine/core';
import type { CampaignDetail } from '@marquee/contracts';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { ApiProblem } from '../../api/problem.js';
import { queries } from '../../api/queries.js';
import { NotFound } from '../../app/not-found.js';
import { LinkAnchor } from '../../parts/link-anchor.js';
import { LinkButton } from '../../parts/link-button.js';
import { PageTitle } from '../../parts/page-title.js';
import { Section } from '../../parts/section.js';
import { Trouble } from '../../parts/trouble.js';
import { AppearanceSection } from '../create/appearance-section.js';
import { LinkSection } from '../create/link-section.js';
import { AudienceSection } from '../create/audience-section.js';
import { BasicsSection } from '../create/basics-section.js';
import classes from '../create/create.module.css';
import { DeliverySection } from '../create/delivery-section.js';
import { FormFailure } from '../create/form-failure.js';
import { SlidesSection } from '../create/slides-section.js';
import { useEdit } from './use-edit.js';

const route = getRouteApi('/console/campaigns/$id/edit');

export function EditPage() {
  const { id } = route.useParams();
  const campaign = useQuery({ ...queries.campaign(id), refetchOnWindowFocus: false });
  // What was loaded first is what the form is about: a later look in the background must not take away what was typed.
  const [loaded, setLoaded] = useState<CampaignDetail>();
  if (loaded === undefined && campaign.data !== undefined && !campaign.isFetching) setLoaded(campaign.data);
  const reload = async () => {
    const { data } = await campaign.refetch();
    if (data !== undefined) setLoaded(data);
  };
  if (loaded !== undefined) return <EditForm key={loaded.version} campaign={loaded} reload={reload} />;
  if (campaign.isError) {
    if (campaign.error instanceof ApiProblem && (campaign.error.status === 404 || campaign.error.status === 400)) return <NotFound />;
    return <Trouble title="The campaign could not be read" error={campaign.error} onRetry={() => void campaign.refetch()} />;
  }
  return (
    <Stack gap="lg" aria-busy="true" aria-label="Loading the campaign" role="status">
      <Skeleton height={30} width="40%" />
      <Skeleton height={240} radius="lg" />
    </Stack>
  );
}

function EditForm({ campaign, reload }: { campaign: CampaignDetail; reload: () => Promise<void> }) {
  const { form, uploads, submit, sending, failure, overtaken } = useEdit(campaign);
  const over = campaign.status === 'cancelled' || campaign.status === 'completed';
  return (
    <form onSubmit={submit} noValidate className={classes.form} aria-label="Edit campaign">
      <PageTitle title={`Edit “${campaign.name}”`} lead={<Path campaign={campaign} />} />
      <Stack gap="lg">
        {over && <Over status={campaign.status} />}
        <BasicsSection form={form} />
        <SlidesSection form={form} uploads={uploads} />
        <AppearanceSection form={form} />
        <LinkSection form={form} />
        {runs(campaign) ? <FixedAudience /> : <AudienceSection form={form} />}
        <DeliverySection form={form} edits />
        {failure !== undefined && (
          <FormFailure failure={failure}>
            {overtaken && (
              <Button mt="sm" size="xs" variant="default" onClick={() => void reload()}>
                Load it as it is now
              </Button>
            )}
          </FormFailure>
        )}
      </Stack>
      <div className={classes.bar}>
        <Group justify="flex-end" gap="sm">
          <LinkButton to="/console/campaigns/$id" params={{ id: campaign.id }} variant="default">
            Discard
          </LinkButton>
          <Button type="submit" loading={sending} disabled={uploads.busy || over}>
            {uploads.busy ? 'Uploading…' : `Save as version ${campaign.version + 1}`}
          </Button>
        </Group>
      </div>
    </form>
  );
}

function runs({ status }: CampaignDetail): boolean {
  return status === 'publishing' || status === 'active';
}

function Path({ campaign }: { campaign: CampaignDetail }) {
  return (
    <>
      <LinkAnchor to="/" size="sm">
        Campaigns
      </LinkAnchor>{' '}
      /{' '}
      <LinkAnchor to="/console/campaigns/$id" params={{ id: campaign.id }} size="sm">
        version {campaign.version}
      </LinkAnchor>{' '}
      / edit
    </>
  );
}

function FixedAudience() {
  return (
    <Section title="Audience">
      <Text size="sm" c="dimmed">
        The audience of a campaign that runs stays as it is. For other screens, cancel it and create another.
      </Text>
    </Section>
  );
}

function Over({ status }: { status: string }) {
  return (
    <Text size="sm" c="orange" role="alert">
      The campaign is {status}: it cannot be changed any more.
    </Text>
  );
}

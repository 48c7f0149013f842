import { Alert, Group, List, Skeleton, Stack } from '@mantine/core';
import type { CampaignDetail } from '@marquee/contracts';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useRouterState } from '@tanstack/react-router';
import { useFollowCampaign, usePollWhileDown } from '../../api/live.js';
import { ApiProblem } from '../../api/problem.js';
import { queries } from '../../api/queries.js';
import { NotFound } from '../../app/not-found.js';
import { LinkAnchor } from '../../parts/link-anchor.js';
import { PageTitle } from '../../parts/page-title.js';
import { PlaysSection } from '../../parts/plays-section.js';
import { Section } from '../../parts/section.js';
import { Trouble } from '../../parts/trouble.js';
import { ExecutionsSection } from '../../executions/executions-section.js';
import { CampaignClicks } from '../../clicks/campaign-clicks.js';
import { ContentSection } from '../sending/content-section.js';
import { FeedSection } from '../sending/feed-section.js';
import { SendingFacts } from '../sending/sending-facts.js';
import { SendingProgress } from '../sending/sending-progress.js';
import { AssetsSection } from './assets-section.js';
import { BuildTrouble } from './build-trouble.js';
import { CampaignActions } from './campaign-actions.js';
import { CampaignFacts } from './campaign-facts.js';
import { ClearanceSection } from './clearance-section.js';
import { CodesSection } from './codes-section.js';
import { DeliveriesSection } from './deliveries-section.js';
import classes from './detail.module.css';
import { ProgressSection } from './progress-section.js';
import { TemplatePreview } from './template-preview.js';
import { VersionsSection } from './versions-section.js';

const route = getRouteApi('/console/campaigns/$id');
const SAMPLE_MS = 1_000;

export function CampaignPage() {
  const { id } = route.useParams();
  useFollowCampaign(id);
  const refetchInterval = usePollWhileDown();
  const campaign = useQuery({
    ...queries.campaign(id),
    // While it sends, its counts are read at an even pace: from them comes how fast it goes.
    refetchInterval: ({ state }) => (state.data !== undefined && isSending(state.data) ? SAMPLE_MS : refetchInterval),
  });

  if (campaign.isPending) return <Loading />;
  if (campaign.isError && campaign.data === undefined) {
    if (campaign.error instanceof ApiProblem && (campaign.error.status === 404 || campaign.error.status === 400)) return <NotFound />;
    return (
      <Trouble
        title="The campaign could not be read"
        error={campaign.error}
        onRetry={() => void campaign.refetch()}
        retrying={campaign.isFetching}
      />
    );
  }
  const { data } = campaign;
  return (
    <>
      <PageTitle title={data.name} lead={<Path />} actions={<CampaignActions campaign={data} />} />
      <Stack gap="lg">
        {campaign.isError && <Trouble title="What you see may be out of date" error={campaign.error} />}
        <Warnings />
        {data.buildError !== null && <BuildTrouble reason={data.buildError} />}
        {data.channel === 'screen' ? <OnScreens campaign={data} /> : <Sending key={id} campaign={data} at={campaign.dataUpdatedAt} />}
      </Stack>
    </>
  );
}

function isSending({ channel, paused, status }: CampaignDetail): boolean {
  return channel !== 'screen' && !paused && (status === 'active' || status === 'publishing');
}

function OnScreens({ campaign }: { campaign: CampaignDetail }) {
  const { id } = campaign;
  return (
    <>
      <CampaignFacts campaign={campaign} />
      <ProgressSection counts={campaign.counts} status={campaign.status} />
      {campaign.status === 'cancelled' && <ClearanceSection id={id} />}
      <div className={classes.columns}>
        <AssetsSection assets={campaign.assets} />
        <Section title="On the screen" hint="The page that screens show, as it was built.">
          <TemplatePreview campaign={campaign} />
        </Section>
      </div>
      <CodesSection campaign={campaign} />
      <VersionsSection campaign={campaign} />
      <PlaysSection key={id} of={{ campaignId: id }} by="hour" />
      <CampaignClicks key={`clicks of ${id}`} id={id} />
      <DeliveriesSection id={id} screens />
    </>
  );
}

function Sending({ campaign, at }: { campaign: CampaignDetail; at: number }) {
  return (
    <>
      <SendingFacts campaign={campaign} />
      <SendingProgress campaign={campaign} at={at} />
      <FeedSection />
      <ExecutionsSection id={campaign.id} />
      <ContentSection campaign={campaign} />
      <CampaignClicks key={`clicks of ${campaign.id}`} id={campaign.id} onlyIfAny={campaign.channel === 'null'} />
      <DeliveriesSection id={campaign.id} screens={false} />
    </>
  );
}

function Path() {
  return (
    <LinkAnchor to="/" size="sm">
      Campaigns
    </LinkAnchor>
  );
}

/** What the answer to create warned of. */
function Warnings() {
  const warnings = useRouterState({ select: (state) => state.location.state.warnings });
  if (warnings === undefined || warnings.length === 0) return null;
  return (
    <Alert color="yellow" title="Created, but mind this">
      <List size="sm" listStyleType={warnings.length > 1 ? 'disc' : 'none'}>
        {warnings.map((warning) => (
          <List.Item key={warning}>{worded(warning)}</List.Item>
        ))}
      </List>
    </Alert>
  );
}

/** `startAt: is sooner than …` as a sentence. */
function worded(warning: string): string {
  return warning.replace(/^startAt: /, 'The start ').replace(/^expireAt: /, 'The end ');
}

function Loading() {
  return (
    <Stack gap="lg" aria-busy="true" aria-label="Loading the campaign" role="status">
      <Group justify="space-between">
        <Skeleton height={30} width="40%" />
        <Skeleton height={34} width={110} />
      </Group>
      <Skeleton height={86} radius="lg" />
      <Skeleton height={170} radius="lg" />
      <Skeleton height={240} radius="lg" />
    </Stack>
  );
}

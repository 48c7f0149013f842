import { Alert, Skeleton, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { ScreenAlerts } from '../../alerts/screen-alerts.js';
import { ApiProblem } from '../../api/problem.js';
import { queries } from '../../api/queries.js';
import { NotFound } from '../../app/not-found.js';
import { LinkAnchor } from '../../parts/link-anchor.js';
import { PageTitle } from '../../parts/page-title.js';
import { PlaysSection } from '../../parts/plays-section.js';
import { Trouble } from '../../parts/trouble.js';
import { ScreenActions } from './screen-actions.js';
import { ScreenDeliveries } from './screen-deliveries.js';
import { ScreenEvents } from './screen-events.js';
import { ScreenFacts } from './screen-facts.js';
import { ScreenPicture } from './screen-picture.js';
import { lackWords } from './words.js';

const route = getRouteApi('/console/screens/$id');
/** The feed tells of campaigns; what a screen says of itself is asked for. */
const LOOK_MS = 3_000;

/** All that is known of one screen. */
export function ScreenPage() {
  const { id } = route.useParams();
  const screen = useQuery({ ...queries.screen(id), refetchInterval: LOOK_MS });

  if (screen.isPending) return <Loading />;
  if (screen.isError && screen.data === undefined) {
    if (screen.error instanceof ApiProblem && (screen.error.status === 404 || screen.error.status === 400)) return <NotFound />;
    return (
      <Trouble
        title="The screen could not be read"
        error={screen.error}
        onRetry={() => void screen.refetch()}
        retrying={screen.isFetching}
      />
    );
  }
  const { data } = screen;
  return (
    <>
      <PageTitle title={data.deviceId} lead={<Path />} actions={<ScreenActions screen={data} />} />
      <Stack gap="lg">
        {screen.isError && <Trouble title="What you see may be out of date" error={screen.error} />}
        {data.lacks.length > 0 && (
          <Alert color="yellow" variant="light" title="What this screen lacks">
            <ul style={{ margin: 0, paddingInlineStart: '1.2em' }}>
              {data.lacks.map((lack) => (
                <li key={lack}>{lackWords[lack]}</li>
              ))}
            </ul>
          </Alert>
        )}
        <ScreenFacts screen={data} />
        <ScreenPicture screen={data} />
        <ScreenAlerts id={id} />
        <ScreenDeliveries id={id} online={data.status === 'online'} />
        <PlaysSection key={id} of={{ deviceId: id }} by="hour" />
        <ScreenEvents id={id} />
      </Stack>
    </>
  );
}

function Path() {
  return (
    <LinkAnchor to="/console/screens" size="sm">
      Screens
    </LinkAnchor>
  );
}

function Loading() {
  return (
    <Stack gap="lg" aria-busy="true" aria-label="Loading the screen" role="status">
      <Skeleton height={30} width="40%" />
      <Skeleton height={86} radius="lg" />
      <Skeleton height={240} radius="lg" />
    </Stack>
  );
}

import { CAMPAIGN_STATUSES, CLICK_BUCKETS, DELIVERY_STATES, EXECUTION_STATES, SCREEN_STATUSES } from '@marquee/contracts';
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { RANGES } from '../clicks/spans.js';
import { Broken } from './broken.js';
import { NotFound } from './not-found.js';
import { oneOf, pageNumber, text } from './search.js';
import { Shell } from './shell.js';

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: Broken });

const campaigns = createRoute({
  getParentRoute: () => root,
  path: '/',
  validateSearch: (search: Record<string, unknown>) => ({
    ...oneOf('status', search['status'], CAMPAIGN_STATUSES),
    ...pageNumber(search['page']),
  }),
  component: lazyRouteComponent(() => import('../campaigns/list-page.js'), 'CampaignListPage'),
});

const newCampaign = createRoute({
  getParentRoute: () => root,
  path: '/console/campaigns/new',
  component: lazyRouteComponent(() => import('../campaigns/create/create-page.js'), 'CreatePage'),
});

const campaign = createRoute({
  getParentRoute: () => root,
  path: '/console/campaigns/$id',
  validateSearch: (search: Record<string, unknown>) => ({ ...oneOf('deliveries', search['deliveries'], DELIVERY_STATES) }),
  component: lazyRouteComponent(() => import('../campaigns/detail/campaign-page.js'), 'CampaignPage'),
});

const editCampaign = createRoute({
  getParentRoute: () => root,
  path: '/console/campaigns/$id/edit',
  component: lazyRouteComponent(() => import('../campaigns/edit/edit-page.js'), 'EditPage'),
});

const executions = createRoute({
  getParentRoute: () => root,
  path: '/console/executions',
  validateSearch: (search: Record<string, unknown>) => ({
    ...oneOf('state', search['state'], EXECUTION_STATES),
    ...pageNumber(search['page']),
  }),
  component: lazyRouteComponent(() => import('../executions/executions-page.js'), 'ExecutionsPage'),
});

const screens = createRoute({
  getParentRoute: () => root,
  path: '/console/screens',
  validateSearch: (search: Record<string, unknown>) => ({
    ...text('q', search['q']),
    ...text('group', search['group']),
    ...text('tag', search['tag']),
    ...oneOf('status', search['status'], SCREEN_STATUSES),
    ...oneOf('clock', search['clock'], ['off'] as const),
    ...pageNumber(search['page']),
  }),
  component: lazyRouteComponent(() => import('../screens/screens-page.js'), 'ScreensPage'),
});

const screen = createRoute({
  getParentRoute: () => root,
  path: '/console/screens/$id',
  component: lazyRouteComponent(() => import('../screens/detail/screen-page.js'), 'ScreenPage'),
});

const contacts = createRoute({
  getParentRoute: () => root,
  path: '/console/contacts',
  validateSearch: (search: Record<string, unknown>) => ({
    ...text('q', search['q']),
    ...text('tag', search['tag']),
    ...pageNumber(search['page']),
  }),
  component: lazyRouteComponent(() => import('../contacts/contacts-page.js'), 'ContactsPage'),
});

const alerts = createRoute({
  getParentRoute: () => root,
  path: '/console/alerts',
  validateSearch: (search: Record<string, unknown>) => ({
    ...oneOf('state', search['state'], ['closed'] as const),
    ...pageNumber(search['page']),
  }),
  component: lazyRouteComponent(() => import('../alerts/alerts-page.js'), 'AlertsPage'),
});

const clicks = createRoute({
  getParentRoute: () => root,
  path: '/console/clicks',
  validateSearch: (search: Record<string, unknown>) => ({
    ...text('campaign', search['campaign']),
    ...oneOf('range', search['range'], RANGES),
    ...oneOf('bucket', search['bucket'], CLICK_BUCKETS),
    ...oneOf('zone', search['zone'], ['utc'] as const),
  }),
  component: lazyRouteComponent(() => import('../clicks/clicks-page.js'), 'ClicksPage'),
});

const toCampaigns = (path: '/console' | '/console/campaigns') =>
  createRoute({
    getParentRoute: () => root,
    path,
    beforeLoad: () => {
      redirect({ to: '/', throw: true });
    },
  });

const routeTree = root.addChildren([
  campaigns,
  newCampaign,
  campaign,
  editCampaign,
  executions,
  screens,
  screen,
  contacts,
  alerts,
  clicks,
  toCampaigns('/console'),
  toCampaigns('/console/campaigns'),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: 'intent',
  defaultErrorComponent: Broken,
  defaultNotFoundComponent: NotFound,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
  interface HistoryState {
    /** What the answer to create warned of, shown once on the campaign's page. */
    warnings?: string[];
  }
}

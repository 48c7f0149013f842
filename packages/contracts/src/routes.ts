/** Paths that servers, pages and tests share; `:id` is replaced by `pathTo`. */
export const ROUTES = {
  campaigns: '/campaigns',
  campaign: '/campaigns/:id',
  cancel: '/campaigns/:id/cancel',
  dispatch: '/campaigns/:id/dispatch',
  pause: '/campaigns/:id/pause',
  resume: '/campaigns/:id/resume',
  retry: '/campaigns/:id/retry',
  clearance: '/campaigns/:id/clearance',
  why: '/campaigns/:id/why',
  clearanceScreens: '/campaigns/:id/clearance/screens',
  versions: '/campaigns/:id/versions',
  rollback: '/campaigns/:id/rollback',
  campaignEvents: '/campaigns/:id/events',
  allEvents: '/campaigns/events',
  campaignExecutions: '/campaigns/:id/executions',
  deliveries: '/campaigns/:id/deliveries',
  screens: '/screens',
  screen: '/screens/:id',
  screenDeliveries: '/screens/:id/deliveries',
  screenEvents: '/screens/:id/events',
  screenIdentify: '/screens/:id/identify',
  screenReload: '/screens/:id/reload',
  screenScreenshot: '/screens/:id/screenshot',
  screenImport: '/screens/import',
  screenSnooze: '/screens/:id/snooze',
  alerts: '/alerts',
  alertRules: '/alert-rules',
  alertRule: '/alert-rules/:id',
  alertRuleSnooze: '/alert-rules/:id/snooze',
  alertRuleTest: '/alert-rules/:id/test',
  notices: '/notices',
  audienceCount: '/audiences/count',
  assets: '/assets',
  asset: '/assets/:id',
  template: '/templates/:id/index.html',
  plays: '/plays',
  playsCsv: '/plays.csv',
  time: '/time',
  clientConfig: '/client-config',
} as const;
export type RouteName = keyof typeof ROUTES;

/** The path of a route, with its `:id` escaped into it. */
export function pathTo(route: RouteName, id?: string): string {
  return ROUTES[route].replace(':id', encodeURIComponent(id ?? ''));
}

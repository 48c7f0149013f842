import {
  alertRuleView,
  backlogView,
  audienceCount,
  type AudienceCountBody,
  campaignCodes,
  campaignDetail,
  type CampaignStatus,
  campaignView,
  clearanceView,
  clientConfig,
  contactImportReport,
  contactView,
  controlAsked,
  type CreateCampaignInput,
  type CreateRecipientCampaignInput,
  createdCampaign,
  type DeliveryState,
  type EditCampaignInput,
  deliveryDetail,
  deliveryView,
  executionView,
  type ExecutionState,
  dispatched,
  importReport,
  type NoticeState,
  noticeView,
  type OutageState,
  outageView,
  pageOf,
  pathTo,
  paused,
  type PutAlertRuleInput,
  queuedNotices,
  resumed,
  retried,
  type ScreenStatus,
  type PlaysBy,
  playsReport,
  screenDelivery,
  screenDetail,
  screenView,
  type SnoozeBody,
  snoozeView,
  storedEvent,
  uncountedPageOf,
  whyView,
  unclearScreen,
  versionView,
} from '@marquee/contracts';
import { call, nothing, queryString } from './http.js';
import { problemOf } from './problem.js';

export interface CampaignQuery {
  status?: CampaignStatus | undefined;
  offset: number;
  limit: number;
}
export interface ExecutionQuery {
  status?: ExecutionState | undefined;
  offset: number;
  limit: number;
}
export interface DeliveryQuery {
  status?: DeliveryState | undefined;
  cursor?: string | undefined;
  limit: number;
}
export interface ScreenQuery {
  q?: string | undefined;
  groupId?: string | undefined;
  tag?: string | undefined;
  status?: ScreenStatus | undefined;
  clock?: 'off' | undefined;
  offset: number;
  limit: number;
}
export interface ContactQuery {
  q?: string | undefined;
  tag?: string | undefined;
  offset: number;
  limit: number;
}
export interface OutageQuery {
  state?: OutageState | undefined;
  deviceId?: string | undefined;
  offset: number;
  limit: number;
}
export interface NoticeQuery {
  state?: NoticeState | undefined;
  offset: number;
  limit: number;
}
/** A million lines take about a minute; a slow line to the server takes longer. */
const IMPORT_MS = 3_600_000;
export type ImportForm = 'text/csv' | 'application/x-ndjson';

const campaignPage = pageOf(campaignView);
const executionPage = pageOf(executionView);
const deliveryPage = pageOf(deliveryView);
const screenPage = pageOf(screenView);
const contactPage = pageOf(contactView);
const versionPage = pageOf(versionView);
const unclearPage = pageOf(unclearScreen);
const rulePage = pageOf(alertRuleView);
const outagePage = pageOf(outageView);
const noticePage = pageOf(noticeView);
const screenDeliveryPage = uncountedPageOf(screenDelivery);
const storedEventPage = uncountedPageOf(storedEvent);

/** Whose plays. */
export type PlaysOf = { deviceId: string } | { campaignId: string };
export type PlaysQuery = PlaysOf & {
  from: number;
  to: number;
  bucket: 'hour' | 'day';
  timeZone: string;
  by: PlaysBy;
  offset: number;
  limit: number;
};

export interface CursorQuery {
  cursor?: string | undefined;
  limit: number;
}

/** What can be snoozed: a screen, or a rule. */
export type Snoozable = 'screenSnooze' | 'alertRuleSnooze';

/** Every call that the console makes, by the contracts' shapes. Each throws `ApiProblem`. */
export const api = {
  campaigns: (query: CampaignQuery, signal?: AbortSignal) =>
    call(`${pathTo('campaigns')}${queryString({ ...query })}`, campaignPage, { signal }),
  campaign: (id: string, signal?: AbortSignal) => call(pathTo('campaign', id), campaignDetail, { signal }),
  create: (body: CreateCampaignInput | CreateRecipientCampaignInput) =>
    call(pathTo('campaigns'), createdCampaign, { method: 'POST', json: body }),
  cancel: (id: string) => call(pathTo('cancel', id), campaignView, { method: 'POST' }),
  /** PAUSE_UNCONFIRMED names the holders; with `force` their sessions are ended. */
  pause: (id: string, force: boolean) => call(`${pathTo('pause', id)}${force ? '?force=true' : ''}`, paused, { method: 'POST' }),
  resume: (id: string) => call(pathTo('resume', id), resumed, { method: 'POST' }),
  retry: (id: string, scope: 'failed' | 'unknown') => call(pathTo('retry', id), retried, { method: 'POST', json: { scope } }),
  dispatch: (id: string) => call(pathTo('dispatch', id), dispatched, { method: 'POST' }),
  delivery: (id: string, signal?: AbortSignal) => call(pathTo('delivery', id), deliveryDetail, { signal }),
  why: (id: string, deviceId: string, signal?: AbortSignal) =>
    call(`${pathTo('why', id)}${queryString({ deviceId })}`, whyView, { signal }),
  /** PRECONDITION_FAILED when the campaign is not at `version` any more. */
  edit: (id: string, version: number, body: EditCampaignInput) =>
    call(pathTo('campaign', id), createdCampaign, { method: 'PUT', json: body, ifMatch: version }),
  versions: (id: string, query: CursorQuery, signal?: AbortSignal) =>
    call(`${pathTo('versions', id)}${queryString({ ...query })}`, versionPage, { signal }),
  /** Makes the next version of a campaign at version `present` with what `version` said. */
  rollback: (id: string, present: number, version: number) =>
    call(pathTo('rollback', id), createdCampaign, { method: 'POST', json: { version }, ifMatch: present }),
  unclearScreens: (id: string, query: CursorQuery, signal?: AbortSignal) =>
    call(`${pathTo('clearanceScreens', id)}${queryString({ ...query })}`, unclearPage, { signal }),
  codes: (id: string, signal?: AbortSignal) => call(pathTo('codes', id), campaignCodes, { signal }),
  clearance: (id: string, signal?: AbortSignal) => call(pathTo('clearance', id), clearanceView, { signal }),
  executions: (query: ExecutionQuery, signal?: AbortSignal) =>
    call(`${pathTo('executions')}${queryString({ ...query })}`, executionPage, { signal }),
  campaignExecutions: (id: string, query: CursorQuery, signal?: AbortSignal) =>
    call(`${pathTo('campaignExecutions', id)}${queryString({ ...query })}`, executionPage, { signal }),
  backlog: (signal?: AbortSignal) => call(pathTo('backlog'), backlogView, { signal }),
  deliveries: (id: string, query: DeliveryQuery, signal?: AbortSignal) =>
    call(`${pathTo('deliveries', id)}${queryString({ ...query })}`, deliveryPage, { signal }),
  screens: (query: ScreenQuery, signal?: AbortSignal) => call(`${pathTo('screens')}${queryString({ ...query })}`, screenPage, { signal }),
  screen: (id: string, signal?: AbortSignal) => call(pathTo('screen', id), screenDetail, { signal }),
  screenDeliveries: (id: string, query: CursorQuery, signal?: AbortSignal) =>
    call(`${pathTo('screenDeliveries', id)}${queryString({ ...query })}`, screenDeliveryPage, { signal }),
  screenEvents: (id: string, query: CursorQuery, signal?: AbortSignal) =>
    call(`${pathTo('screenEvents', id)}${queryString({ ...query })}`, storedEventPage, { signal }),
  /** Resolves when it is on its way to the screen. */
  tellScreen: (id: string, what: 'identify' | 'reload') =>
    call(pathTo(what === 'identify' ? 'screenIdentify' : 'screenReload', id), controlAsked, { method: 'POST' }),
  askForPicture: (id: string) => call(pathTo('screenScreenshot', id), controlAsked, { method: 'POST' }),
  plays: (query: PlaysQuery, signal?: AbortSignal) => call(`${pathTo('plays')}${queryString({ ...query })}`, playsReport, { signal }),
  importScreens: (file: Blob, form: ImportForm) =>
    call(pathTo('screenImport'), importReport, { method: 'POST', body: file, contentType: form, timeoutMs: IMPORT_MS }),
  contacts: (query: ContactQuery, signal?: AbortSignal) =>
    call(`${pathTo('contacts')}${queryString({ ...query })}`, contactPage, { signal }),
  importContacts: (file: Blob, form: ImportForm) =>
    call(pathTo('contactImport'), contactImportReport, { method: 'POST', body: file, contentType: form, timeoutMs: IMPORT_MS }),
  countAudience: (body: AudienceCountBody, signal?: AbortSignal) =>
    call(pathTo('audienceCount'), audienceCount, { method: 'POST', json: body, signal }),
  outages: (query: OutageQuery, signal?: AbortSignal) => call(`${pathTo('alerts')}${queryString({ ...query })}`, outagePage, { signal }),
  notices: (query: NoticeQuery, signal?: AbortSignal) => call(`${pathTo('notices')}${queryString({ ...query })}`, noticePage, { signal }),
  alertRules: (signal?: AbortSignal) => call(`${pathTo('alertRules')}?limit=100`, rulePage, { signal }),
  createAlertRule: (body: PutAlertRuleInput) => call(pathTo('alertRules'), alertRuleView, { method: 'POST', json: body }),
  putAlertRule: (id: string, body: PutAlertRuleInput) => call(pathTo('alertRule', id), alertRuleView, { method: 'PUT', json: body }),
  deleteAlertRule: (id: string) => call(pathTo('alertRule', id), nothing, { method: 'DELETE' }),
  testAlertRule: (id: string) => call(pathTo('alertRuleTest', id), queuedNotices, { method: 'POST' }),
  snooze: (what: Snoozable, id: string, body: SnoozeBody) => call(pathTo(what, id), snoozeView, { method: 'POST', json: body }),
  wake: (what: Snoozable, id: string) => call(pathTo(what, id), nothing, { method: 'DELETE' }),
  screenSnooze: (id: string, signal?: AbortSignal) => call(pathTo('screenSnooze', id), snoozeView, { signal }),
  clientConfig: (signal?: AbortSignal) => call(pathTo('clientConfig'), clientConfig, { signal }),
  /** Whether the campaign's page is built; false on 404. */
  hasTemplate: async (id: string, signal?: AbortSignal): Promise<boolean> => {
    const response = await fetch(pathTo('template', id), signal === undefined ? {} : { signal });
    if (response.status === 404) return false;
    if (!response.ok) throw problemOf(response.status, await response.text());
    await response.body?.cancel();
    return true;
  },
};

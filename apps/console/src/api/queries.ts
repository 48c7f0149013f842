import type { AudienceCountBody } from '@marquee/contracts';
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import {
  api,
  type CampaignQuery,
  type ContactQuery,
  type CursorQuery,
  type DeliveryQuery,
  type ExecutionQuery,
  type NoticeQuery,
  type OutageQuery,
  type PlaysQuery,
  type ScreenQuery,
} from './client.js';

/** Names of what is cached; a longer key is a part of the shorter one, so that a hint about a campaign reaches all of it. */
export const keys = {
  campaignLists: ['campaigns', 'list'],
  campaign: (id: string) => ['campaigns', 'one', id],
  screens: ['screens'],
  contacts: ['contacts'],
  executions: ['executions'],
  screen: (id: string) => ['screens', 'one', id],
  alerts: ['alerts'],
} as const;

export const queries = {
  campaigns: (query: CampaignQuery) =>
    queryOptions({
      queryKey: [...keys.campaignLists, query],
      queryFn: ({ signal }) => api.campaigns(query, signal),
      placeholderData: keepPreviousData,
    }),
  campaign: (id: string) => queryOptions({ queryKey: [...keys.campaign(id), 'detail'], queryFn: ({ signal }) => api.campaign(id, signal) }),
  executions: (query: ExecutionQuery) =>
    queryOptions({
      queryKey: [...keys.executions, 'list', query],
      queryFn: ({ signal }) => api.executions(query, signal),
      placeholderData: keepPreviousData,
    }),
  backlog: () => queryOptions({ queryKey: [...keys.executions, 'backlog'], queryFn: ({ signal }) => api.backlog(signal) }),
  campaignExecutions: (id: string, query: CursorQuery) =>
    queryOptions({
      queryKey: [...keys.campaign(id), 'executions', query],
      queryFn: ({ signal }) => api.campaignExecutions(id, query, signal),
      placeholderData: keepPreviousData,
    }),
  deliveries: (id: string, query: DeliveryQuery) =>
    queryOptions({
      queryKey: [...keys.campaign(id), 'deliveries', query],
      queryFn: ({ signal }) => api.deliveries(id, query, signal),
      placeholderData: keepPreviousData,
    }),
  delivery: (id: string) => queryOptions({ queryKey: ['deliveries', id], queryFn: ({ signal }) => api.delivery(id, signal) }),
  why: (id: string, deviceId: string) =>
    queryOptions({ queryKey: [...keys.campaign(id), 'why', deviceId], queryFn: ({ signal }) => api.why(id, deviceId, signal) }),
  clearance: (id: string) =>
    queryOptions({ queryKey: [...keys.campaign(id), 'clearance'], queryFn: ({ signal }) => api.clearance(id, signal) }),
  unclearScreens: (id: string, query: CursorQuery) =>
    queryOptions({
      queryKey: [...keys.campaign(id), 'clearance', 'screens', query],
      queryFn: ({ signal }) => api.unclearScreens(id, query, signal),
      placeholderData: keepPreviousData,
    }),
  versions: (id: string, query: CursorQuery) =>
    queryOptions({
      queryKey: [...keys.campaign(id), 'versions', query],
      queryFn: ({ signal }) => api.versions(id, query, signal),
      placeholderData: keepPreviousData,
    }),
  /** Outside the campaign's own key, as its template. */
  codes: (id: string, version: number) =>
    queryOptions({ queryKey: ['codes', id, version], queryFn: ({ signal }) => api.codes(id, signal) }),
  /** Outside the campaign's own key: a template of one version never changes, so that progress need not ask again. */
  template: (id: string, version: number) =>
    queryOptions({ queryKey: ['templates', id, version], queryFn: ({ signal }) => api.hasTemplate(id, signal) }),
  screens: (query: ScreenQuery) =>
    queryOptions({
      queryKey: [...keys.screens, query],
      queryFn: ({ signal }) => api.screens(query, signal),
      placeholderData: keepPreviousData,
    }),
  screen: (id: string) => queryOptions({ queryKey: [...keys.screen(id), 'detail'], queryFn: ({ signal }) => api.screen(id, signal) }),
  screenDeliveries: (id: string, query: CursorQuery) =>
    queryOptions({
      queryKey: [...keys.screen(id), 'deliveries', query],
      queryFn: ({ signal }) => api.screenDeliveries(id, query, signal),
      placeholderData: keepPreviousData,
    }),
  screenEvents: (id: string, query: CursorQuery) =>
    queryOptions({
      queryKey: [...keys.screen(id), 'events', query],
      queryFn: ({ signal }) => api.screenEvents(id, query, signal),
      placeholderData: keepPreviousData,
    }),
  plays: (query: PlaysQuery) =>
    queryOptions({ queryKey: ['plays', query], queryFn: ({ signal }) => api.plays(query, signal), placeholderData: keepPreviousData }),
  contacts: (query: ContactQuery) =>
    queryOptions({
      queryKey: [...keys.contacts, 'list', query],
      queryFn: ({ signal }) => api.contacts(query, signal),
      placeholderData: keepPreviousData,
    }),
  outages: (query: OutageQuery) =>
    queryOptions({
      queryKey: [...keys.alerts, 'outages', query],
      queryFn: ({ signal }) => api.outages(query, signal),
      placeholderData: keepPreviousData,
    }),
  notices: (query: NoticeQuery) =>
    queryOptions({
      queryKey: [...keys.alerts, 'notices', query],
      queryFn: ({ signal }) => api.notices(query, signal),
      placeholderData: keepPreviousData,
    }),
  alertRules: () => queryOptions({ queryKey: [...keys.alerts, 'rules'], queryFn: ({ signal }) => api.alertRules(signal) }),
  screenSnooze: (id: string) =>
    queryOptions({ queryKey: [...keys.alerts, 'snooze', id], queryFn: ({ signal }) => api.screenSnooze(id, signal) }),
  audienceCount: (body: AudienceCountBody) =>
    queryOptions({ queryKey: ['audience', body], queryFn: ({ signal }) => api.countAudience(body, signal), staleTime: 10_000 }),
  clientConfig: () =>
    queryOptions({ queryKey: ['client-config'], queryFn: ({ signal }) => api.clientConfig(signal), staleTime: Number.POSITIVE_INFINITY }),
};

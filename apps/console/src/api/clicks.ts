import {
  clickLedger,
  type ClicksBy,
  clicksReport,
  clicksStatus,
  deadLetter,
  type DeadLetterChoice,
  deadLetterRow,
  deadLettersMoved,
  pageOf,
  pathTo,
  replayAsked,
} from '@marquee/contracts';
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { call, queryString } from './http.js';

export interface ClicksOf {
  campaignId?: string | undefined;
}
export interface ClicksSpan extends ClicksOf {
  /** Epoch ms. */
  from: number;
  to: number;
  bucket: 'minute' | 'hour' | 'day';
  timeZone: string;
}
export interface ClicksQuery extends ClicksSpan {
  by?: ClicksBy | undefined;
  offset?: number | undefined;
  limit?: number | undefined;
}

const letterPage = pageOf(deadLetterRow);

/** What the console asks about clicks. Each throws `ApiProblem`. */
export const clicksApi = {
  report: (query: ClicksQuery, signal?: AbortSignal) =>
    call(`${pathTo('clicksStats')}${queryString({ ...query })}`, clicksReport, { signal }),
  status: (signal?: AbortSignal) => call(pathTo('clicksStatus'), clicksStatus, { signal }),
  ledger: (query: { from: number }, signal?: AbortSignal) => call(`${pathTo('clickLedger')}${queryString(query)}`, clickLedger, { signal }),
  replay: () => call(pathTo('clickReplay'), replayAsked, { method: 'POST' }),
  deadLetters: (query: { offset: number; limit: number }, signal?: AbortSignal) =>
    call(`${pathTo('deadLetters')}${queryString(query)}`, letterPage, { signal }),
  deadLetter: (id: number, signal?: AbortSignal) => call(pathTo('deadLetter', String(id)), deadLetter, { signal }),
  redrive: (choice: DeadLetterChoice) => call(pathTo('deadLettersRedrive'), deadLettersMoved, { method: 'POST', json: choice }),
  purge: (choice: DeadLetterChoice) => call(pathTo('deadLettersPurge'), deadLettersMoved, { method: 'POST', json: choice }),
};

/** The file with a line for each bucket, campaign, ad, creative, screen and source. */
export function clicksFile({ from, to, bucket, timeZone, campaignId }: ClicksSpan): string {
  return `${pathTo('clicksCsv')}${queryString({ from, to, bucket, timeZone, campaignId })}`;
}

export const CLICKS_KEY = ['clicks'] as const;

export const clickQueries = {
  report: (query: ClicksQuery) =>
    queryOptions({
      queryKey: [...CLICKS_KEY, 'report', query],
      queryFn: ({ signal }) => clicksApi.report(query, signal),
      placeholderData: keepPreviousData,
    }),
  status: () => queryOptions({ queryKey: [...CLICKS_KEY, 'status'], queryFn: ({ signal }) => clicksApi.status(signal) }),
  ledger: (query: { from: number }) =>
    queryOptions({
      queryKey: [...CLICKS_KEY, 'ledger', query],
      queryFn: ({ signal }) => clicksApi.ledger(query, signal),
      placeholderData: keepPreviousData,
    }),
  deadLetters: (query: { offset: number; limit: number }) =>
    queryOptions({
      queryKey: [...CLICKS_KEY, 'dead', query],
      queryFn: ({ signal }) => clicksApi.deadLetters(query, signal),
      placeholderData: keepPreviousData,
    }),
  deadLetter: (id: number) =>
    queryOptions({ queryKey: [...CLICKS_KEY, 'dead', 'one', id], queryFn: ({ signal }) => clicksApi.deadLetter(id, signal) }),
};

import { pageOf } from '@marquee/contracts';
import type { Command } from 'commander';
import type { z } from 'zod';
import { readConfig } from '../config/config.js';
import { urlHost } from '../kit/hosts.js';
import { type Answer, Api, CommandError, EXIT } from './api.js';
import { note, say, table } from './terminal.js';

/** Options of every command that asks the API. */
export interface ApiOptions {
  url?: string;
  json?: true;
}

/** Adds what every command that asks the API takes. */
export function asksApi(command: Command): Command {
  return command
    .option('--url <url>', 'address of the API (default: MARQUEE_URL, else made from HOST and PORT)')
    .option('--json', 'print the answer of the API as it is');
}

/** The API that the options, MARQUEE_URL or the settings name, in this order. */
export function apiOf({ url }: ApiOptions): Api {
  const named = url ?? process.env['MARQUEE_URL'];
  if (named !== undefined && named.trim() !== '') {
    if (!/^https?:\/\//i.test(named) || !URL.canParse(named)) throw new CommandError(`${named} is no http or https URL.`, EXIT.wrong);
    return new Api(named.replace(/\/+$/, ''));
  }
  return new Api(localUrl());
}

/** Where the API of this folder's settings listens. */
export function localUrl(): string {
  const { host, port, tlsCert } = readConfig(process.env);
  return `${tlsCert === undefined ? 'http' : 'https'}://${urlHost(host)}:${port}`;
}

/** Prints an answer: as it came with --json, else as `text` says it. */
export function print<Schema extends z.ZodType>(
  answer: Answer,
  { json }: ApiOptions,
  schema: Schema,
  text: (value: z.output<Schema>) => string,
): void {
  say(json === true ? answer.text : text(answer.as(schema)));
}

export interface ListOptions extends ApiOptions {
  limit?: string;
  cursor?: string;
}

/** Adds what every list takes beside that. */
export function lists(command: Command): Command {
  return asksApi(command)
    .option('--limit <n>', 'how many, at most 100 (default: 20)')
    .option('--cursor <cursor>', 'go on where the page before ended, as it said');
}

/** Prints one page as a table, and on stderr how to get the next one. */
export function printPage<Item extends z.ZodType>(
  answer: Answer,
  options: ApiOptions,
  item: Item,
  headings: readonly string[],
  row: (value: z.output<Item>) => readonly (string | number | boolean | null | undefined)[],
): void {
  if (options.json === true) return say(answer.text);
  const page = answer.as(pageOf(item));
  say(table(headings, page.data.map(row)));
  if (page.nextCursor !== null) note(`${page.data.length} of ${page.total}; the next: --cursor ${page.nextCursor}`);
}

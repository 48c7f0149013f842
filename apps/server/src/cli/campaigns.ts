import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import {
  campaignDetail,
  campaignView,
  createdCampaign,
  dispatched,
  pathTo,
  paused,
  resumed,
  RETRY_SCOPES,
  retried,
  ROUTES,
} from '@marquee/contracts';
import { type Command, Option } from 'commander';
import { reasonOf } from '../kit/errors.js';
import { CommandError, EXIT } from './api.js';
import { apiOf, type ApiOptions, asksApi, type ListOptions, lists, print, printPage } from './command.js';
import { facts, when } from './terminal.js';

/** Adds `marquee campaigns`. */
export function addCampaigns(program: Command): void {
  const campaigns = program.command('campaigns').description('see, create and steer campaigns');
  lists(campaigns.command('list').description('campaigns, the newest first'))
    .option('--status <status>', 'only those: draft, building, ready, publishing, active, completed, cancelled')
    .action(async ({ status, limit, cursor, ...options }: ListOptions & { status?: string }) => {
      const answer = await apiOf(options).get(ROUTES.campaigns, { status, limit, cursor });
      printPage(answer, options, campaignView, ['id', 'status', 'channel', 'paused', 'name'], (each) => [
        each.id,
        each.status,
        each.channel,
        each.paused ? 'paused' : '',
        each.name,
      ]);
    });
  asksApi(campaigns.command('show').description('one campaign and what became of its deliveries').argument('<id>')).action(
    async (id: string, options: ApiOptions) => {
      const answer = await apiOf(options).get(pathTo('campaign', id));
      print(answer, options, campaignDetail, ({ counts, ...each }) =>
        facts({
          id: each.id,
          name: each.name,
          status: each.status,
          channel: each.channel,
          version: each.version,
          paused: each.paused,
          epoch: each.epoch,
          start: when(each.startAt),
          end: when(each.expireAt),
          created: each.createdAt,
          ...Object.fromEntries(Object.entries(counts).filter(([, n]) => n !== 0)),
        }),
      );
    },
  );
  asksApi(
    campaigns
      .command('create')
      .description('create a campaign from a JSON file, as POST /campaigns takes it')
      .argument('<file>', 'the file; - for standard input'),
  ).action(async (file: string, options: ApiOptions) => {
    const answer = await apiOf(options).post(ROUTES.campaigns, await readJson(file));
    print(answer, options, createdCampaign, ({ id }) => id);
  });
  addActions(campaigns);
}

function addActions(campaigns: Command): void {
  asksApi(campaigns.command('dispatch').description('start a campaign that waits to be dispatched').argument('<id>')).action(
    async (id: string, options: ApiOptions) => {
      const answer = await apiOf(options).post(pathTo('dispatch', id));
      print(answer, options, dispatched, (each) => `started: execution ${each.executionId}, epoch ${each.epoch}`);
    },
  );
  asksApi(campaigns.command('pause').description('pause it; done when no send of it can start any more').argument('<id>'))
    .option('--wait <ms>', 'also wait so long for sends that are under way')
    .option('--force', 'end the sessions of workers that do not answer')
    .action(async (id: string, options: ApiOptions & { wait?: string; force?: true }) => {
      const answer = await apiOf(options).post(pathTo('pause', id), undefined, { wait: options.wait, force: forced(options) });
      print(answer, options, paused, (each) => `paused in epoch ${each.epoch}; ${each.draining} sends are still under way`);
    });
  asksApi(campaigns.command('resume').description('let it go on where it was paused').argument('<id>')).action(
    async (id: string, options: ApiOptions) => {
      const answer = await apiOf(options).post(pathTo('resume', id));
      print(answer, options, resumed, (each) => `resumed in epoch ${each.epoch}; ${each.rewound} deliveries were rewound`);
    },
  );
  asksApi(campaigns.command('cancel').description('cancel it and revoke it everywhere').argument('<id>'))
    .option('--force', 'end the sessions of workers that do not answer')
    .action(async (id: string, options: ApiOptions & { force?: true }) => {
      const answer = await apiOf(options).post(pathTo('cancel', id), undefined, { force: forced(options) });
      print(answer, options, campaignView, (each) => `${each.status}: ${each.id}`);
    });
  asksApi(campaigns.command('retry').description('send again what failed, or what nobody knows of').argument('<id>'))
    .addOption(new Option('--scope <scope>', 'what').choices(RETRY_SCOPES).default('failed'))
    .option('--ids <ids>', 'of scope ids: the deliveries, separated by commas')
    .action(async (id: string, options: ApiOptions & { scope: string; ids?: string }) => {
      const { scope, ids } = options;
      const answer = await apiOf(options).post(pathTo('retry', id), { scope, ...(ids === undefined ? {} : { ids: ids.split(',') }) });
      print(answer, options, retried, (each) => `${each.retried} deliveries are sent again, in execution ${each.executionId}`);
    });
}

function forced({ force }: { force?: true }): string | undefined {
  return force === true ? 'true' : undefined;
}

async function readJson(file: string): Promise<unknown> {
  const text = await (file === '-' ? readAll(process.stdin) : readFile(file, 'utf8')).catch((error: unknown) => {
    throw new CommandError(`${file} cannot be read: ${reasonOf(error)}.`, EXIT.wrong);
  });
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new CommandError(`${file} is not JSON: ${reasonOf(error)}.`, EXIT.wrong);
  }
}

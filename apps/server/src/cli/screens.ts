import { pathTo, ROUTES, screenDetail, screenView } from '@marquee/contracts';
import type { Command } from 'commander';
import { apiOf, type ApiOptions, asksApi, type ListOptions, lists, print, printPage } from './command.js';
import { facts, when } from './terminal.js';

interface ScreenFilter {
  status?: string;
  group?: string;
  tag?: string;
  search?: string;
}

/** Adds `marquee screens`. */
export function addScreens(program: Command): void {
  const screens = program.command('screens').description('see the screens');
  lists(screens.command('list').description('screens, by name'))
    .option('--status <status>', 'only those: online, offline')
    .option('--group <id>', 'only those of this group')
    .option('--tag <tag>', 'only those with this tag')
    .option('--search <text>', 'only those whose id has this in it')
    .action(async ({ limit, cursor, status, group: groupId, tag, search: q, ...options }: ListOptions & ScreenFilter) => {
      const answer = await apiOf(options).get(ROUTES.screens, { limit, cursor, status, groupId, tag, q });
      printPage(answer, options, screenView, ['device', 'status', 'last seen', 'group', 'tags', 'now playing'], (each) => [
        each.deviceId,
        each.status,
        when(each.lastSeen),
        each.groupId,
        each.tags.join(' '),
        each.nowPlaying?.name,
      ]);
    });
  asksApi(screens.command('show').description('one screen').argument('<deviceId>')).action(async (id: string, options: ApiOptions) => {
    const answer = await apiOf(options).get(pathTo('screen', id));
    print(answer, options, screenDetail, (each) =>
      facts({
        device: each.deviceId,
        status: each.status,
        since: when(each.statusSince),
        'last seen': when(each.lastSeen),
        group: each.groupId,
        tags: each.tags.join(' '),
        'now playing': each.nowPlaying?.name,
        'clock offset, ms': each.clockOffsetMs,
        lacks: each.lacks.join(' '),
        'events missing': each.events?.missing,
        'events lost': each.events?.lost,
      }),
    );
  });
}

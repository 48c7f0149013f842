import { deliveryDetail, type DeliveryDetail, deliveryView, executionView, pathTo, ROUTES, type TimelineEntry } from '@marquee/contracts';
import type { Command } from 'commander';
import { apiOf, type ApiOptions, asksApi, type ListOptions, lists, print, printPage } from './command.js';
import { facts, shown, when } from './terminal.js';

/** Adds `marquee executions`, `marquee deliveries` and `marquee trace`. */
export function addDeliveries(program: Command): void {
  addExecutions(program.command('executions').description('see the runs of campaigns'));
  const deliveries = program.command('deliveries').description('see what became of each recipient');
  lists(deliveries.command('list').description('deliveries of a campaign’s latest execution, by recipient').argument('<campaignId>'))
    .option('--status <status>', 'only those: PENDING, IN_PROGRESS, SENDING, SUCCESS, FAILED, CANCELLED, UNKNOWN')
    .action(async (campaign: string, { status, limit, cursor, ...options }: ListOptions & { status?: string }) => {
      const answer = await apiOf(options).get(pathTo('deliveries', campaign), { status, limit, cursor });
      printPage(answer, options, deliveryView, ['id', 'status', 'attempt', 'epoch', 'recipient', 'last error'], (each) => [
        each.id,
        each.status,
        each.attempt,
        each.epoch,
        each.recipient,
        each.lastError,
      ]);
    });
  asksApi(deliveries.command('show').description('one delivery').argument('<id>')).action(async (id: string, options: ApiOptions) => {
    const answer = await apiOf(options).get(pathTo('delivery', id));
    print(answer, options, deliveryDetail, deliveryFacts);
  });
  asksApi(program.command('trace').description('tell all that happened to one delivery, in order').argument('<deliveryId>')).action(
    async (id: string, options: ApiOptions) => {
      const answer = await apiOf(options).get(pathTo('delivery', id));
      print(answer, options, deliveryDetail, traceText);
    },
  );
}

function addExecutions(executions: Command): void {
  lists(executions.command('list').description('executions, the newest first'))
    .option('--campaign <id>', 'only those of this campaign')
    .option('--status <status>', 'only those: NEW, RUNNING, PAUSED, COMPLETED, FAILED, CANCELLED, SKIPPED')
    .action(async ({ campaign, status, limit, cursor, ...options }: ListOptions & { campaign?: string; status?: string }) => {
      const path = campaign === undefined ? ROUTES.executions : pathTo('campaignExecutions', campaign);
      const answer = await apiOf(options).get(path, { status, limit, cursor });
      printPage(answer, options, executionView, ['id', 'state', 'kind', 'scheduled for', 'campaign', 'reason'], (each) => [
        each.id,
        each.state,
        each.kind,
        when(each.scheduledFor),
        each.campaignId,
        each.reason,
      ]);
    });
  asksApi(executions.command('show').description('one execution').argument('<id>')).action(async (id: string, options: ApiOptions) => {
    const answer = await apiOf(options).get(pathTo('execution', id));
    print(answer, options, executionView, (each) =>
      facts({
        id: each.id,
        campaign: each.campaignId,
        state: each.state,
        kind: each.kind,
        'scheduled for': when(each.scheduledFor),
        started: when(each.startedAt),
        ended: when(each.endedAt),
        attempts: each.attempts,
        reason: each.reason,
      }),
    );
  });
}

function deliveryFacts(each: DeliveryDetail): string {
  return facts({
    id: each.id,
    campaign: each.campaignId,
    execution: each.executionId,
    recipient: each.recipient,
    status: each.status,
    attempt: each.attempt,
    epoch: each.epoch,
    settled: when(each.settledAt),
    'last error': each.lastError,
    acknowledged: when(each.acknowledgedAt),
    'on air': each.onAir,
    plays: each.plays?.count,
  });
}

function traceText(delivery: DeliveryDetail): string {
  const head = `delivery ${delivery.id} to ${shown(delivery.recipient)}: ${delivery.status}`;
  const played =
    delivery.plays === null
      ? []
      : [`${delivery.plays.count} plays, ${Math.round(delivery.plays.durationMs / 1000)} s, by the screen's log`];
  return [head, ...delivery.timeline.map(line), ...played].join('\n');
}

function line(entry: TimelineEntry): string {
  const outcome = entry.outcome === undefined ? [] : [`→ ${entry.outcome}`];
  const about = [
    ...(entry.attempt === undefined ? [] : [`attempt ${entry.attempt}`]),
    ...(entry.epoch === undefined ? [] : [`epoch ${entry.epoch}`]),
    ...(entry.version === undefined ? [] : [`version ${entry.version}`]),
    ...(entry.worker === undefined ? [] : [`${entry.what === 'rescued' ? 'from' : 'by'} ${shown(entry.worker)}`]),
    ...(entry.assetId === undefined ? [] : [`asset ${shown(entry.assetId)}`]),
    ...(entry.label === undefined ? [] : [entry.label]),
    ...(entry.play === undefined ? [] : [`during the play of ${shown(entry.play.assetId)} at ${when(entry.play.startedAt)}`]),
  ].join(', ');
  const reason = entry.reason === undefined ? [] : [`: ${shown(entry.reason)}`];
  return `${when(entry.at)}  ${[entry.what.padEnd(12), about, ...outcome]
    .filter((part) => part !== '')
    .join(' ')
    .trimEnd()}${reason.join('')}`;
}

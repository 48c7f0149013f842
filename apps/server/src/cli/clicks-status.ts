import { CLICK_COUNTERS, type ClicksStatus, clicksStatus, replayAsked, ROUTES } from '@marquee/contracts';
import type { Command } from 'commander';
import { CommandError, EXIT } from './api.js';
import { apiOf, type ApiOptions, asksApi, print } from './command.js';
import { facts, table } from './terminal.js';

/** Adds `marquee clicks status` and `marquee clicks replay`. */
export function addStatus(clicks: Command): void {
  asksApi(clicks.command('status').description('circuit, what waits where, and the counters of every layer')).action(
    async (options: ApiOptions) => print(await apiOf(options).get(ROUTES.clicksStatus), options, clicksStatus, statusText),
  );
  asksApi(
    clicks
      .command('replay')
      .description('publish what waits in the fallback now, also while the circuit is open; exit code 1 when nobody can'),
  ).action(async (options: ApiOptions) => {
    const answer = await apiOf(options).post(ROUTES.clickReplay);
    const { processes } = answer.as(replayAsked);
    print(answer, options, replayAsked, ({ waiting }) => `asked: ${waiting ?? 'an unknown number of'} clicks wait in the fallback`);
    if (processes === 0) throw new CommandError('No process with the role clicks is there: it is replayed when one starts.', EXIT.failed);
  });
}

function statusText({ circuit, publisher, queueDepth, fallbackDepth, dlqDepth, counters, processes }: ClicksStatus): string {
  const known = (depth: number | null) => depth ?? 'unknown';
  return [
    facts({
      circuit: processes.length === 0 ? 'no process with the role clicks is there' : circuit,
      answers: publisher.ack === 'durable' ? 'when durable' : 'when accepted',
      memory: `${publisher.memory} of ${publisher.bound}`,
      queue: known(queueDepth),
      fallback: known(fallbackDepth),
      'dead letters': known(dlqDepth),
      ...Object.fromEntries(CLICK_COUNTERS.map((counter) => [counter, counters[counter]])),
    }),
    table(
      ['process', 'name', 'circuit', 'broker', 'connected', 'blocked', 'fallback', 'memory'],
      processes.map(({ process, name, broker, ...each }) => [
        process,
        name,
        each.circuit.state,
        broker.kind,
        broker.connected ? 'yes' : 'no',
        broker.blocked ? 'yes' : 'no',
        each.fallback,
        `${each.memory.clicks} of ${each.memory.bound}`,
      ]),
    ),
  ].join('\n\n');
}

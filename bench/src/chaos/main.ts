import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { BrokerKind } from '../broker-setup.js';
import { until } from '../processes.js';
import { seeded } from '../random.js';
import { Scratch } from '../scratch.js';
import { type Balance, balance, NOT_YET_RIGHT } from './balance.js';
import { type ClicksChaosOptions, clicksChaos } from './clicks.js';
import { CLICKS_FAULTS } from './clicks-faults.js';
import { printClicks } from './clicks-print.js';
import { type DispatchChaosOptions, dispatchChaos } from './dispatch.js';
import { Faults } from './faults.js';
import type { HookLedger } from './hook-ledger.js';
import { Planner } from './planner.js';
import { World } from './world.js';

interface ChaosOptions {
  seconds: number;
  seed: number;
  screens: number;
  broker: BrokerKind;
}

/** Longest that everything may take to come right after the last fault. */
const RIGHT_MS = 180_000;

const program = new Command('chaos').description(
  'Breaks a running system at random and looks for what is lost; exit code 1 when the ledger does not balance.',
);

program
  .command('dispatch', { isDefault: true })
  .description('a webhook campaign that is paused and resumed while its workers, the server, the database and an outside bus are killed')
  .option('--seconds <n>', 'how long things go wrong', whole, 60)
  .option('--seed <n>', 'the same kills again', whole, Math.floor(Math.random() * 1_000_000_000) + 1)
  .option('--workers <n>', 'how many workers', whole, 3)
  .option('--deliveries <n>', 'how many deliveries; else as many as last about as long', whole)
  .addOption(
    new Option('--bus <kind>', 'what carries the claims; an outside bus is killed too')
      .choices(['local', 'rabbitmq', 'redis'])
      .default('local'),
  )
  .action(async (options: DispatchChaosOptions) => {
    const ledger = await Scratch.during((scratch) => dispatchChaos(scratch, options));
    process.exitCode = printHooks(ledger, options.seed) ? 0 : 1;
  });

program
  .command('screens')
  .description('campaigns on a fleet of screens while server, database, broker and connections fail')
  .option('--seconds <n>', 'how long things go wrong', whole, 60)
  .option('--seed <n>', 'the same faults and campaigns again', whole, Math.floor(Math.random() * 1_000_000_000) + 1)
  .option('--screens <n>', 'how many screens', whole, 500)
  .addOption(new Option('--broker <kind>', 'the broker').choices(['embedded', 'mosquitto']).default('embedded'))
  .action(async (options: ChaosOptions) => {
    const total = await Scratch.during((scratch) => chaos(scratch, options));
    process.exitCode = isBalanced(total) ? 0 : 1;
  });

program
  .command('clicks')
  .description('clicks while RabbitMQ, Redis, the database and the processes that accept and count them fail')
  .option('--seconds <n>', 'how long each fault is under clicks; below 60 a few short ones at random share that time', whole, 60)
  .option('--seed <n>', 'the same faults again', whole, Math.floor(Math.random() * 1_000_000_000) + 1)
  .option('--rate <n>', 'how many clicks a second', whole, 1000)
  .addOption(new Option('--ack <mode>', 'which CLICK_ACK').choices(['accepted', 'durable', 'both']).default('both'))
  .addOption(new Option('--fault <name>', 'this one alone').choices(CLICKS_FAULTS.map(({ name }) => name)))
  .option('--p99 <ms>', 'fail when the p99 of the answers is more; else it is only told', whole)
  .action(async (options: ClicksChaosOptions) => {
    const runs = await Scratch.during((scratch) => clicksChaos(scratch, options));
    process.exitCode = printClicks(runs, options.seed) ? 0 : 1;
  });

await program.parseAsync();

async function chaos(scratch: Scratch, { seconds, seed, screens, broker }: ChaosOptions): Promise<Balance> {
  const began = performance.now();
  const say = (line: string): void =>
    void process.stderr.write(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
  say(`seed ${seed}, ${screens} screens, ${broker} broker`);
  const random = seeded(seed);
  const world = await World.create(scratch, broker, screens, seed);
  const planner = new Planner(world.api, await world.api.uploadPixel(), world.roles.all, seeded(seed + 1));
  const faults = new Faults(world, random);
  planner.start();
  say('it runs');
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    await delay(300 + random() * 2000);
    await faults.next(say);
  }
  await planner.stop();
  await world.fleet.call('steady', null);
  say('nothing goes wrong any more');
  const from = performance.now();
  await settle(world, say);
  say(`everything is right after ${Math.round(performance.now() - from)} ms`);
  const total = await balance(world, planner.planned);
  print(total, faults, seed);
  return total;
}

/** Waits until the rows say that all is right, and the broker has what screens said. What is not right in time shows in the ledger. */
async function settle(world: World, say: (line: string) => void): Promise<void> {
  let left = '';
  await until('everything to come right', RIGHT_MS, async () => {
    const [row] = await world.sql<{ n: string }>(NOT_YET_RIGHT, [world.roles.silent]);
    const { sent, accepted } = await world.fleet.call('counts', null);
    left = `${row?.n} rows, ${sent - accepted} events on their way`;
    if (row?.n === '0' && sent === accepted) return true;
    await delay(200);
    return false;
  }).catch((error: unknown) => say(`${String(error)}: ${left} left`));
}

function isBalanced({ lost, wrong }: Balance): boolean {
  return [...Object.values(lost), ...Object.values(wrong)].every((count) => count === 0);
}

function print(total: Balance, faults: Faults, seed: number): void {
  const lines = [...faults.happened].map(([name, times]) => `  ${String(times).padStart(4)}  ${name}`);
  const { lost, wrong, examples, ...account } = total;
  process.stdout.write(
    [
      'What went wrong:',
      ...lines,
      `  ready again after ${Math.round(Math.max(0, ...faults.readyMs))} ms at most, beyond the start of a process`,
      'The account:',
      ...table(account),
      'Lost:',
      ...table(lost),
      ...(Object.keys(wrong).length === 0 ? [] : ['Wrong:', ...table(wrong)]),
      ...examples.map((example) => `  e.g. ${example}`),
      isBalanced(total) ? 'The ledger balances.' : `The ledger does not balance. The same again: --seed ${seed}`,
      '',
    ].join('\n'),
  );
}

/** Answers whether it balances. */
function printHooks({ account, wrong, examples }: HookLedger, seed: number): boolean {
  const balances = Object.values(wrong).every((count) => count === 0);
  const lines = [
    'The account:',
    ...table(account),
    'Wrong:',
    ...table(wrong),
    ...examples.map((example) => `  e.g. ${example}`),
    balances ? 'The ledger balances.' : `The ledger does not balance. The same again: --seed ${seed}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return balances;
}

function table(rows: Record<string, number>): string[] {
  return Object.entries(rows).map(([name, n]) => `  ${String(n).padStart(9)}  ${name}`);
}

function whole(text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new InvalidArgumentError('Give a whole number from 1.');
  return Number(text);
}

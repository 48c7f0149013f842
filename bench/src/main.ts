import { Command, InvalidArgumentError, Option } from 'commander';
import { type AcksOptions, benchAcks } from './acks.js';
import { type BacklogOptions, benchBacklog } from './backlog.js';
import { benchCreates, type CreatesOptions } from './creates.js';
import { benchList, type ListOptions } from './list.js';
import { benchScreens, type ScreensOptions } from './screens.js';

const program = new Command('bench').description(
  'Measures the server against the bare libraries: one JSON line each, kept in bench/results.',
);

function whole(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Give a whole number from 1.');
  return Number(text);
}

const runs = (): Option => new Option('--runs <n>', 'how many alternating runs; the median counts').argParser(whole).default(5);
const broker = (): Option => new Option('--broker <kind>', 'the broker').choices(['embedded', 'mosquitto']).default('embedded');

program
  .command('screens')
  .description('one campaign on all screens: create to last manifest received, and to last acknowledgement row')
  .option('--n <screens>', 'how many screens', whole, 20_000)
  .addOption(broker())
  .addOption(runs())
  .action((options: ScreensOptions) => benchScreens(options));

program
  .command('creates')
  .description('so many creates at the same moment, each with a key of its own')
  .option('--concurrency <n>', 'how many at once', whole, 500)
  .option('--rounds <n>', 'how often in a run', whole, 4)
  .addOption(runs())
  .action((options: CreatesOptions) => benchCreates(options));

program
  .command('backlog')
  .description('many campaigns at once, until every screen has every manifest; also with an asset that never answers')
  .option('--campaigns <n>', 'how many campaigns', whole, 500)
  .option('--screens <n>', 'how many screens', whole, 1000)
  .addOption(runs())
  .action((options: BacklogOptions) => benchBacklog(options));

program
  .command('list')
  .description('the first page of the list, with many campaigns behind it')
  .option('--campaigns <n>', 'how many campaigns', whole, 10_000)
  .option('--connections <n>', 'how many ask at once', whole, 50)
  .option('--seconds <n>', 'how long each run asks', whole, 5)
  .addOption(runs())
  .action((options: ListOptions) => benchList(options));

program
  .command('acks')
  .description('acknowledgements that come all at once over MQTT, until the last is a row')
  .option('--count <n>', 'how many, to the next multiple of the screens', whole, 100_000)
  .option('--screens <n>', 'how many screens send them', whole, 20_000)
  .addOption(broker())
  .addOption(runs())
  .action((options: AcksOptions) => benchAcks(options));

await program.parseAsync();

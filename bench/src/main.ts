import { Command, InvalidArgumentError, Option } from 'commander';
import { type AcksOptions, benchAcks } from './acks.js';
import { type BacklogOptions, benchBacklog } from './backlog.js';
import { benchClicksBacklog, type ClicksBacklogOptions } from './clicks/backlog.js';
import { benchClicksMax, type ClicksMaxOptions } from './clicks/max.js';
import { benchClicksPublisher, type ClicksPublisherOptions } from './clicks/publisher.js';
import { benchClicksStats, type ClicksStatsOptions } from './clicks/stats.js';
import { benchClicks, type ClicksOptions } from './clicks/steady.js';
import { benchConverge, type ConvergeOptions } from './converge.js';
import { benchCreates, type CreatesOptions } from './creates.js';
import { benchDispatch, type DispatchOptions } from './dispatch.js';
import { benchExecutions, type ExecutionsOptions } from './executions.js';
import { benchList, type ListOptions } from './list.js';
import { benchPause, type PauseOptions } from './pause.js';
import { benchRate, type RateOptions } from './rate.js';
import { benchResume, type ResumeOptions } from './resume.js';
import { benchScreens, type ScreensOptions } from './screens.js';
import { soak, type SoakOptions } from './soak.js';
import { keepResults } from './result.js';
import { benchStartAccuracy, type StartAccuracyOptions } from './start-accuracy.js';
import { benchTargeting, type TargetingOptions } from './targeting.js';
import { benchWebhook, type WebhookOptions } from './webhook.js';

const program = new Command('bench').description(
  'Measures the server against the bare libraries: one JSON line each, kept in bench/results when it was run as it is meant to be, with its defaults.',
);

function whole(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Give a whole number from 1.');
  return Number(text);
}

function share(text: string): number {
  const value = Number(text);
  if (!/^\d(\.\d+)?$/.test(text) || value > 1) throw new InvalidArgumentError('Give a share from 0 to 1, such as 0.3.');
  return value;
}

const wholes = (text: string): number[] => text.split(',').map(whole);

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

program
  .command('converge')
  .description('one campaign on screens of which some flap, some are away and some never answer, until every screen is right')
  .option('--n <screens>', 'how many screens', whole, 20_000)
  .option('--away <seconds>', 'how long the absent stay away; in life an hour', whole, 60)
  .option('--flap <share>', 'share that comes and goes', share, 0.3)
  .option('--absent <share>', 'share that stays away', share, 0.05)
  .option('--silent <share>', 'share that never answers', share, 0.01)
  .option('--idle <seconds>', 'how long the work is measured when only the silent are left', whole, 60)
  .action((options: ConvergeOptions) => benchConverge(options));

program
  .command('start-accuracy')
  .description('planned starts against what a real player says it did; and wrong clocks found in a large fleet')
  .option('--campaigns <n>', 'how many starts', whole, 200)
  .option('--gap <ms>', 'from one start to the next', whole, 1000)
  .option('--screens <n>', 'how many screens, 5 % of them with a clock that is badly wrong', whole, 20_000)
  .action((options: StartAccuracyOptions) => benchStartAccuracy(options));

program
  .command('dispatch')
  .description('a rehearsal, from dispatch until every delivery has ended')
  .option('--n <deliveries>', 'how many deliveries', whole, 200_000)
  .option('--workers <n>', 'how many processes work on it', whole, 1)
  .addOption(new Option('--bus <kind>', 'what carries the claims').choices(['local', 'rabbitmq', 'redis']).default('local'))
  .addOption(runs())
  .action((options: DispatchOptions) => benchDispatch(options));

program
  .command('executions')
  .description('campaigns that start by themselves on an idle server: how late their executions run')
  .option('--slots <n>', 'how many starts', whole, 200)
  .option('--gap <ms>', 'from one start to the next', whole, 250)
  .action((options: ExecutionsOptions) => benchExecutions(options));

program
  .command('targeting')
  .description('the audience of a rehearsal made into deliveries, against one bare insert')
  .option('--n <recipients>', 'how many recipients', whole, 1_000_000)
  .addOption(runs().default(3))
  .action((options: TargetingOptions) => benchTargeting(options));

program
  .command('pause')
  .description('how long a pause takes to be answered, and what starts after it')
  .option('--pauses <n>', 'how often', whole, 200)
  .option('--workers <n>', 'how many processes send', whole, 2)
  .option('--rate <n>', 'how many sends a second', whole, 2000)
  .action((options: PauseOptions) => benchPause(options));

program
  .command('resume')
  .description('how long a resume takes that rewinds what is claimed of a large campaign')
  .option('--n <deliveries>', 'how many deliveries', whole, 1_000_000)
  .option('--held <deliveries>', 'how many of them are claimed', whole, 10_000)
  .addOption(runs())
  .action((options: ResumeOptions) => benchResume(options));

program
  .command('soak')
  .description('one real screen through cut networks, power cuts and restarts: what the console said against what was on it')
  .option('--minutes <n>', 'how long the plan of an hour takes', whole, 60)
  .option('--pictures <folder>', 'keep pictures of screen and console at each step')
  .action((options: SoakOptions) => soak(options));

program
  .command('webhook')
  .description('one campaign to many contacts, one signed post each, against bare undici')
  .option('--n <contacts>', 'how many contacts', whole, 50_000)
  .option('--connections <n>', 'how many posts at once', whole, 256)
  .option('--delay <ms>', 'how long the receiver takes', whole, 5)
  .addOption(runs())
  .action((options: WebhookOptions) => benchWebhook(options));

program
  .command('rate')
  .description('campaigns of 100, 1,000 and 5,000 webhooks a second, sent by several processes: what is used of it, and the fullest second')
  .option('--seconds <n>', 'how long each is sent', whole, 10)
  .option('--workers <n>', 'how many processes send', whole, 2)
  .action((options: RateOptions) => benchRate(options));

program
  .command('clicks')
  .description(
    'clicks at steady rates, answered at once and when they are safe, against the bare libraries; needs RabbitMQ and Redis, as all of clicks-…',
  )
  .option('--seconds <n>', 'how long each rate is kept', whole, 60)
  .option('--rates <list>', 'how many a second, with commas', wholes, [1000, 1200])
  .action((options: ClicksOptions) => benchClicks(options));

program
  .command('clicks-max')
  .description('the highest steady rate of clicks with a p99 under 10 ms and no queue that grows, against the bare libraries')
  .option('--hold <seconds>', 'how long a rate is held', whole, 5)
  .option('--from <n>', 'where the search begins', whole, 1500)
  .option('--at-most <seconds>', 'how long each of the two searches goes on', whole, 75)
  .addOption(runs().default(1))
  .action((options: ClicksMaxOptions) => benchClicksMax(options));

program
  .command('clicks-publisher')
  .description('clicks that our publisher gets confirmed, against a bare confirm channel in its best window')
  .option('--n <clicks>', 'how many', whole, 100_000)
  .addOption(runs())
  .action((options: ClicksPublisherOptions) => benchClicksPublisher(options));

program
  .command('clicks-stats')
  .description('clicks that wait in RabbitMQ, until each is stored and counted, against a bare insert')
  .option('--n <clicks>', 'how many', whole, 200_000)
  .addOption(runs())
  .action((options: ClicksStatsOptions) => benchClicksStats(options));

program
  .command('clicks-backlog')
  .description('clicks that wait in the fallback after an outage, until the broker has them and they are counted')
  .option('--n <clicks>', 'how many', whole, 1_000_000)
  .addOption(new Option('--fallback <kind>', 'where they wait').choices(['postgres', 'redis']).default('postgres'))
  .option('--rate <n>', 'CLICK_REPLAY_RATE', whole, 100_000)
  .action((options: ClicksBacklogOptions) => benchClicksBacklog(options));

/** These make another variant, or say what is done beside; any other than its default makes a trial. */
const OF_NO_WEIGHT = new Set(['broker', 'bus', 'fallback', 'workers', 'pictures', 'keep']);

// A trial with less prints its line and leaves what was measured in earnest.
for (const command of program.commands) command.option('--keep', 'keep the result although it is not measured with the defaults');
program.hook('preAction', (_, command) => {
  const asMeant = command.options
    .map((option) => option.attributeName())
    .every((name) => OF_NO_WEIGHT.has(name) || command.getOptionValueSource(name) === 'default');
  keepResults(asMeant || command.opts()['keep'] === true);
});

await program.parseAsync();

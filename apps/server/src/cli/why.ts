import { deviceId as deviceIdSchema, type WhyView } from '@marquee/contracts';
import { type Command, InvalidArgumentError } from 'commander';
import { systemClock } from '../kit/clock.js';
import { isUuid } from '../kit/ids.js';
import { silentLog } from '../kit/log.js';
import { Why } from '../screens/why/why.service.js';
import { Database } from '../store/database.js';

const NOT_PLAYING = 3;

const HELP = `
Prints one sentence that says why, from the database, so also while the server is down; what else stands in the way follows on
standard error.

Exit codes:
  0  it is playing, as the screen itself says
  1  it could not be found out, or there is no such campaign
  2  the call was wrong
  3  it is not playing, or nobody can tell because the screen is offline`;

/** Adds `marquee why`. */
export function addWhy(program: Command, say: (text: string) => void, databaseUrl: () => Promise<string>): void {
  program
    .command('why')
    .description('say why a campaign is or is not playing on a screen')
    .argument('<campaignId>', 'the id of the campaign', campaignId)
    .argument('<deviceId>', 'the id of the screen', screenId)
    .option('--json', 'print the whole answer, as GET /campaigns/:id/why gives it')
    .addHelpText('after', HELP)
    .action(async (campaign: string, device: string, { json }: { json?: true }) => {
      const answer = await ask(await databaseUrl(), campaign, device);
      say(json === true ? JSON.stringify(answer) : answer.sentence);
      if (json !== true) for (const sentence of answer.facts.also) process.stderr.write(`Also: ${sentence}\n`);
      if (!answer.playing) process.exitCode = NOT_PLAYING;
    });
}

async function ask(url: string, campaign: string, device: string): Promise<WhyView> {
  const database = new Database({ url, poolSize: 2, log: silentLog });
  try {
    return await new Why(database, systemClock).of(campaign, device);
  } finally {
    await database.close();
  }
}

function campaignId(text: string): string {
  if (!isUuid(text)) throw new InvalidArgumentError('It must be a UUID.');
  return text.toLowerCase();
}

function screenId(text: string): string {
  const parsed = deviceIdSchema.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError(`It ${parsed.error.issues[0]?.message ?? 'is not valid'}.`);
  return parsed.data;
}
